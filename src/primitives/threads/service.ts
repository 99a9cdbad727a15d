/** Methods whose arguments and results are plain data (structured clone). */
export type Methods<T> = { readonly [K in keyof T]: (...args: never[]) => unknown };

type Nothing = ReturnType<() => void>;
type IsVoid<R> = [R] extends [Nothing] ? ([Nothing] extends [R] ? true : false) : false;

/** The methods without a reply, which are sent as notices. */
type NoticeNames<T extends Methods<T>> = {
  [K in keyof T]: IsVoid<ReturnType<T[K]>> extends true ? K : never;
}[keyof T] &
  string;

/** All notices of `T`, by name; the compiler refuses a list that lacks one. */
type Notices<T extends Methods<T>> = [NoticeNames<T>] extends [never]
  ? []
  : [notices: Readonly<Record<NoticeNames<T>, true>>];

/** A service that one thread provides to another, with a name that both ends of a port share. */
export interface Service<T extends Methods<T>, Key extends readonly unknown[] = []> {
  readonly name: string;
  readonly notices: ReadonlySet<string>;
  /** Only for the compiler. */
  readonly types?: { readonly methods: T; readonly key: Key };
}

/** `Key` selects one of several instances, such as the name of a store. */
export function service<T extends Methods<T>, Key extends readonly unknown[] = []>(
  name: string,
  ...[notices]: Notices<T>
): Service<T, Key> {
  return { name, notices: new Set(Object.keys(notices ?? {})) };
}

/** The methods of `T` as another thread calls them. A notice returns at once; its errors are reported in the thread that ran it. */
export type Remote<T extends Methods<T>> = {
  readonly [K in keyof T]: IsVoid<ReturnType<T[K]>> extends true
    ? (...args: Parameters<T[K]>) => void
    : (...args: Parameters<T[K]>) => Promise<Awaited<ReturnType<T[K]>>>;
};
