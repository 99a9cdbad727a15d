/** Releases what a call has acquired, or ends what it began. Call it once. */
export type Release = () => void;
