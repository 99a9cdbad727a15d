type Task = () => void | Promise<void>;

const tasks: Task[] = [];

/** Has `task` done once the test that is running has ended, however it ends; the last one given is done first. */
export function afterThisTest(task: Task): void {
  tasks.push(task);
}

export async function cleanUp(): Promise<void> {
  for (let task = tasks.pop(); task; task = tasks.pop()) await task();
}
