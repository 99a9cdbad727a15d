/** Methods whose arguments and results are plain data (structured clone). */
export type Methods<T> = { readonly [K in keyof T]: (...args: never[]) => unknown };

type Nothing = ReturnType<() => void>;
type IsVoid<R> = [R] extends [Nothing] ? ([Nothing] extends [R] ? true : false) : false;

/** The methods that answer nothing, not even that they have run. */
type NoticeNames<T extends Methods<T>> = {
  [K in keyof T]: IsVoid<ReturnType<T[K]>> extends true ? K : never;
}[keyof T] &
  string;

/** All notices of `T`, by name; the compiler refuses a list that lacks one. */
type Notices<T extends Methods<T>> = [NoticeNames<T>] extends [never]
  ? []
  : [notices: Readonly<Record<NoticeNames<T>, true>>];

/** What one thread does for another, named so that both ends of a port mean the same. */
export interface Service<T extends Methods<T>, Key extends readonly unknown[] = []> {
  readonly name: string;
  readonly notices: ReadonlySet<string>;
  /** For the compiler alone. */
  readonly types?: { readonly methods: T; readonly key: Key };
}

/** `Key` says which one of several is called, such as the name of a store. */
export function service<T extends Methods<T>, Key extends readonly unknown[] = []>(
  name: string,
  ...[notices]: Notices<T>
): Service<T, Key> {
  return { name, notices: new Set(Object.keys(notices ?? {})) };
}

/** The methods of `T` as another thread calls them. A notice returns at once; what fails of it is reported where it ran. */
export type Remote<T extends Methods<T>> = {
  readonly [K in keyof T]: IsVoid<ReturnType<T[K]>> extends true
    ? (...args: Parameters<T[K]>) => void
    : (...args: Parameters<T[K]>) => Promise<Awaited<ReturnType<T[K]>>>;
};
