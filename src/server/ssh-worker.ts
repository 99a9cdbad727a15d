/** The entry point of the thread that serves SSH. */
import { SshServer } from "../frontends/ssh/ssh-server.ts";
import { THREAD_ERRORS } from "../frontends/thread-errors.ts";
import { collectWhenIdle } from "../primitives/bounds/idle-collection.ts";
import { portToStarter } from "../primitives/threads/worker-port.ts";

new SshServer(portToStarter(THREAD_ERRORS));
collectWhenIdle();
