import { TurnQueue } from "../../primitives/jobs/turn-queue.ts";

/** Shares the main thread among all consoles: each turn handles some keys or one command. */
export const CONSOLE_TURNS = new TurnQueue();
