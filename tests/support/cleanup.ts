type Task = () => void | Promise<void>;

const tasks: Task[] = [];
let running = 0;

/**
 * Runs `task` after the current test, even if it fails; tasks run in reverse order. Tasks of concurrent tests run after the
 * last of them.
 */
export function afterThisTest(task: Task): void {
  tasks.push(task);
}

export function noteBegin(): void {
  running++;
}

export async function noteEnd(): Promise<void> {
  if (--running === 0) await cleanUp();
}

export async function cleanUp(): Promise<void> {
  for (let task = tasks.pop(); task; task = tasks.pop()) await task();
}
