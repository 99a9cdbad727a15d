type ErrorClass = abstract new (...args: never[]) => Error;

/** The classes that an error keeps on its way to another thread, by a name of each; both threads use the same table. */
export type ErrorClasses = Readonly<Record<string, ErrorClass>>;

/** An error as plain data. Copying an error to another thread would keep its message alone. */
export interface PackedError {
  /** The nearest of the known classes. */
  readonly class: string | undefined;
  readonly message: string;
  /** Where it was thrown. */
  readonly stack: string | undefined;
  /** Its own properties, such as `code`, as far as they are texts, numbers or booleans. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly cause: PackedError | undefined;
}

/** An error may have others as its cause; more than these are left out. */
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
