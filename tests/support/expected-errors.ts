import { Glob } from "bun";
import { ExpectedError } from "../../src/primitives/expected-error.ts";

const SOURCE = `${import.meta.dir}/../../src`;

export interface FoundError {
  readonly className: string;
  readonly error: ExpectedError;
}

/** The arguments of constructors that are not given texts alone. */
const ARGUMENTS: Readonly<Record<string, readonly unknown[]>> = {
  ListenError: ["HTTP", { hostname: "localhost", port: 1 }, "listen", { code: "EADDRINUSE" }],
  IncompleteJobError: ["a store was left out", []],
  DamagedFileError: ["a file"],
};

/** One of each class of the source that is an `ExpectedError` and that can be made and imported. */
export async function expectedErrors(): Promise<readonly FoundError[]> {
  const found: FoundError[] = [];
  for await (const path of new Glob("**/*.ts").scan(SOURCE)) {
    const text = await Bun.file(`${SOURCE}/${path}`).text();
    const names = [...text.matchAll(/^export class (\w+) extends \w+/gm)].map(([, name = ""]) => name);
    if (names.length === 0) continue;
    const exported = (await import(`${SOURCE}/${path}`)) as Record<string, unknown>;
    for (const className of names) {
      const made = exported[className];
      if (!isErrorClass(made)) continue;
      found.push({ className, error: new made(...(ARGUMENTS[className] ?? ["first", "second"])) });
    }
  }
  return found.sort((a, b) => a.className.localeCompare(b.className));
}

function isErrorClass(value: unknown): value is new (...args: readonly unknown[]) => ExpectedError {
  return typeof value === "function" && value.prototype instanceof ExpectedError;
}
