/** Gives back what a call has taken, or ends what it began. To be called once. */
export type Release = () => void;
