import { TurnQueue } from "../../primitives/jobs/turn-queue.ts";

/** What all consoles together do on the thread that owns the stores: one slice of keys or one command after the other. */
export const CONSOLE_TURNS = new TurnQueue();
