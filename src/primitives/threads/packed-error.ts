type ErrorClass = abstract new (...args: never[]) => Error;

/** The error classes that survive the transfer to another thread, by name; both threads use the same table. */
export type ErrorClasses = Readonly<Record<string, ErrorClass>>;

/** An error as plain data, because structured clone keeps only an error's message. */
export interface PackedError {
  /** The most specific known class. */
  readonly class: string | undefined;
  readonly message: string;
  /** The stack. */
  readonly stack: string | undefined;
  /** Its own properties that are strings, numbers or booleans, such as `code`. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly cause: PackedError | undefined;
}

/** Maximal length of the transferred `cause` chain. */
const MAX_CAUSES = 5;

export function packError(error: unknown, classes: ErrorClasses, causes = MAX_CAUSES): PackedError {
  if (!(error instanceof Error)) {
    return { class: undefined, message: String(error), stack: undefined, fields: {}, cause: undefined };
  }
  const { message, stack, cause } = error;
  return {
    class: classOf(error, classes),
    message,
    stack,
    fields: { name: error.name, ...plainFields(error) },
    cause: cause === undefined || causes === 0 ? undefined : packError(cause, classes, causes - 1),
  };
}

export function unpackError(packed: PackedError, classes: ErrorClasses): Error {
  const { message, stack, cause } = packed;
  const error = new Error(message, cause && { cause: unpackError(cause, classes) });
  const known = packed.class === undefined ? undefined : classes[packed.class];
  if (known) Object.setPrototypeOf(error, known.prototype);
  return Object.assign(error, packed.fields, stack !== undefined && { stack });
}

function classOf(error: Error, classes: ErrorClasses): string | undefined {
  const known = Object.entries(classes);
  const own = known.find(([, kind]) => error.constructor === kind);
  return (own ?? known.find(([, kind]) => error instanceof kind))?.[0];
}

function plainFields(error: Error): Record<string, unknown> {
  const isPlain = (value: unknown) => ["string", "number", "boolean"].includes(typeof value);
  return Object.fromEntries(Object.entries(error).filter(([, value]) => isPlain(value)));
}
