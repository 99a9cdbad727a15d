import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import type { SharedNotes } from "../../shared-notes.ts";

/** Notes as objects `stores/<store>/notes/<topic>/<node>-<uuid>`. */
export class S3Notes implements SharedNotes {
  readonly #bucket: S3Bucket;
  readonly #prefix: string;
  readonly #node: string;

  constructor(
    bucket: S3Bucket,
    { store, topic, node }: Readonly<Record<"store" | "topic" | "node", string>>,
  ) {
    this.#bucket = bucket;
    this.#prefix = `stores/${store}/notes/${topic}/`;
    this.#node = node;
  }

  async add(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#bucket.put(`${this.#prefix}${this.#node}-${crypto.randomUUID()}`, bytes);
  }

  async names(): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const page of this.#bucket.list(this.#prefix))
      for (const { key } of page) names.push(key.slice(this.#prefix.length));
    return names;
  }

  async read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return (await this.#bucket.read(`${this.#prefix}${name}`))?.bytes;
  }

  async remove(names: readonly string[]): Promise<void> {
    if (names.length > 0) await this.#bucket.removeAll(names.map((name) => `${this.#prefix}${name}`));
  }
}
