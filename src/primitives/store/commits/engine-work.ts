/** Work of the engine during which a group is filled; `done` never rejects. */
export interface EngineWork {
  readonly done: Promise<void>;
  isOver: boolean;
}

export function engineWork(done: Promise<void>): EngineWork {
  const work: EngineWork = {
    done: done.finally(() => {
      work.isOver = true;
    }),
    isOver: false,
  };
  return work;
}
