type Task = () => void | Promise<void>;

const tasks: Task[] = [];
let running = 0;

/**
 * Has `task` done once the test that is running has ended, however it ends; the last one given is done first. Of tests that
 * run beside each other, once the last has ended.
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
