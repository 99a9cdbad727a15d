/** A failure that is nobody's bug: the message is one line for whoever asked, and may be shown to them. */
export class ExpectedError extends Error {}
