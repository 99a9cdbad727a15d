/** The entry point of a thread that serves HTTP. */
import { ServingThread } from "../frontends/http/threads/serving-thread.ts";
import { THREAD_ERRORS } from "../frontends/thread-errors.ts";
import { collectWhenIdle } from "../primitives/bounds/idle-collection.ts";
import { portToStarter } from "../primitives/threads/worker-port.ts";

new ServingThread(portToStarter(THREAD_ERRORS));
collectWhenIdle();
