import { TurnQueue } from "../../primitives/jobs/turn-queue.ts";

/** Shares the thread that owns the stores among all consoles: each gets a turn for some keys or one command. */
export const CONSOLE_TURNS = new TurnQueue();
