import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { hashFile, isMissingFile } from "../../../fs/files.ts";
import { OBJECT_ID_BYTES } from "../../git/object-id.ts";
import { PACK_HEADER_BYTES } from "../../git/pack.ts";
import {
  FANOUT_AT,
  FANOUT_SIZE,
  IDS_AT,
  PACK_INDEX_MAGIC,
  PACK_INDEX_VERSION,
} from "../../packs/pack-index.ts";

/** Versions of packs that git writes (gitformat-pack). */
const PACK_VERSIONS = [2, 3];
const CHECKSUM_BYTES = OBJECT_ID_BYTES;

const WRONG_CHECKSUM = "its content does not match the checksum at its end";

interface PackSummary {
  readonly problems: readonly string[];
  /** How many objects it says to hold, and the checksum at its end; `undefined` if it is too short for that. */
  readonly content: { readonly count: number; readonly checksum: Uint8Array } | undefined;
}

/**
 * What is wrong with the files of a pack as such, a line each: headers, the order of the index, and the checksums at the
 * ends. The objects in it are not looked at. Nothing if the pack has gone meanwhile, merged into another.
 */
export async function packProblems(stem: string): Promise<readonly string[]> {
  try {
    const pack = await checkPackFile(`${stem}.pack`);
    const ofIndex = [...indexProblems(readFileSync(`${stem}.idx`), pack)];
    return [
      ...pack.problems.map((reason) => `${stem}.pack: ${reason}`),
      ...ofIndex.map((reason) => `${stem}.idx: ${reason}`),
    ];
  } catch (error) {
    if (isMissingFile(error)) return [];
    throw error;
  }
}

async function checkPackFile(path: string): Promise<PackSummary> {
  const { size } = statSync(path);
  if (size < PACK_HEADER_BYTES + CHECKSUM_BYTES) return { problems: ["it is cut off"], content: undefined };
  const problems: string[] = [];
  const header = readAt(path, 0, PACK_HEADER_BYTES);
  if (header.toString("latin1", 0, 4) !== "PACK" || !PACK_VERSIONS.includes(header.readUInt32BE(4)))
    problems.push("its header is not that of a pack");
  const checksum = readAt(path, size - CHECKSUM_BYTES, CHECKSUM_BYTES);
  const hash = (await hashFile(path, "sha256", { length: size - CHECKSUM_BYTES })).digest();
  if (Buffer.compare(hash, checksum) !== 0) problems.push(WRONG_CHECKSUM);
  return { problems, content: { count: header.readUInt32BE(8), checksum } };
}

function* indexProblems(bytes: Buffer, { content }: PackSummary): Generator<string, void> {
  const end = bytes.length - CHECKSUM_BYTES;
  if (end < IDS_AT + CHECKSUM_BYTES) return yield "it is cut off";
  if (bytes.readUInt32BE() !== PACK_INDEX_MAGIC || bytes.readUInt32BE(4) !== PACK_INDEX_VERSION)
    return yield "it is not a version 2 pack index";
  const hash = new Bun.CryptoHasher("sha256").update(bytes.subarray(0, end)).digest();
  if (Buffer.compare(hash, bytes.subarray(end)) !== 0) yield WRONG_CHECKSUM;
  const fanout = Array.from({ length: FANOUT_SIZE }, (_, i) => bytes.readUInt32BE(FANOUT_AT + i * 4));
  const count = fanout.at(-1) ?? 0;
  if (fanout.some((total, i) => total < (fanout[i - 1] ?? 0)))
    return yield "its table of first bytes is not in order";
  if (end < IDS_AT + count * (OBJECT_ID_BYTES + 8) + CHECKSUM_BYTES) return yield "it is cut off";
  if (!isSorted(bytes, fanout)) yield "its ids are not in order";
  if (!content) return;
  if (content.count !== count) yield `it is of ${count} objects, its pack of ${content.count}`;
  const ofPack = bytes.subarray(end - CHECKSUM_BYTES, end);
  if (Buffer.compare(ofPack, content.checksum) !== 0) yield "it is the index of another pack";
}

/** Whether each id follows the one before, and is where the table says those of its first byte are. */
function isSorted(bytes: Buffer, fanout: readonly number[]): boolean {
  const count = fanout.at(-1) ?? 0;
  const idAt = (i: number) =>
    bytes.subarray(IDS_AT + i * OBJECT_ID_BYTES, IDS_AT + (i + 1) * OBJECT_ID_BYTES);
  for (let i = 0; i < count; i++) {
    const first = idAt(i)[0] ?? 0;
    if (i < (first === 0 ? 0 : (fanout[first - 1] ?? 0)) || i >= (fanout[first] ?? 0)) return false;
    if (i > 0 && Buffer.compare(idAt(i - 1), idAt(i)) >= 0) return false;
  }
  return true;
}

function readAt(path: string, position: number, length: number): Buffer {
  const fd = openSync(path, "r");
  try {
    const buffer = Buffer.alloc(length);
    readSync(fd, buffer, 0, length, position);
    return buffer;
  } finally {
    closeSync(fd);
  }
}
