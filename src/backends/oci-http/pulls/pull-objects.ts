import { parseDigest } from "../../../primitives/digest.ts";
import { parseRepositoryName } from "../../../registry/model/repository-name.ts";
import type { Pull } from "./pull-notes.ts";

/** Pulls as nodes share them: a line `since <hour>`, then lines `<hour> <repository> <digest>`, compressed. */
export function encodePulls(since: number, pulls: readonly Pull[]): Uint8Array<ArrayBuffer> {
  const lines = pulls.map(({ repository, digest, hour }) => `${hour} ${repository} ${digest}\n`);
  return new Uint8Array(Bun.gzipSync(Buffer.from(`since ${since}\n${lines.join("")}`)));
}

/** Leaves out what is no pull, such as what a later version adds; `undefined` for what can't be read at all. */
export function decodePulls(
  bytes: Uint8Array<ArrayBuffer>,
): { readonly since: number; readonly pulls: readonly Pull[] } | undefined {
  let text: string;
  try {
    text = new TextDecoder().decode(Bun.gunzipSync(bytes));
  } catch {
    return undefined;
  }
  const [head = "", ...lines] = text.split("\n");
  const since = Number(head.match(/^since (\d{1,9})$/)?.[1] ?? Number.NaN);
  if (Number.isNaN(since)) return undefined;
  const pulls = lines.flatMap((line): Pull[] => {
    const [hour = "", name = "", text = ""] = line.split(" ");
    const [repository, digest] = [parseRepositoryName(name), parseDigest(text)];
    return repository && digest && /^\d{1,9}$/.test(hour) ? [{ repository, digest, hour: Number(hour) }] : [];
  });
  return { since, pulls };
}
