/** A failure that is no bug of the program: its message is one line that the user who caused it may read. */
export class ExpectedError extends Error {}
