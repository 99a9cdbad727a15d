import type { S3ClientOptions } from "../../src/primitives/s3/s3-client.ts";
import { afterThisTest } from "./cleanup.ts";
import { bucketAt } from "./s3-server.ts";

/** What happens to a request instead of, or beside, what should. */
export type Fault =
  /** Nothing is done; the client gets the status. */
  | { readonly kind: "refuse"; readonly status: 500 | 503 }
  /** It is done, and the client gets the status instead of the response. */
  | { readonly kind: "lose"; readonly status: 500 | 503 }
  /** It comes twice, as from an HTTP client that repeats it; the client gets the second response. */
  | { readonly kind: "twice" }
  /** The client gets the status at once; it is done when `done` resolves. */
  | { readonly kind: "late"; readonly status: 500 | 503; readonly done: Promise<void> }
  /** It is done when `until` resolves. */
  | { readonly kind: "held"; readonly until: Promise<void> }
  | { readonly kind: "delay"; readonly ms: number };

interface Kept {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly etag: string;
  readonly modified: Date;
  readonly metadata: readonly (readonly [string, string])[];
}

const XML = { headers: { "Content-Type": "application/xml" } };

/** An object store in memory that speaks the part of S3 that a log uses, and fails when a test wants it to. */
export class MemoryS3 {
  readonly objects = new Map<string, Kept>();
  /** Asked before each request. */
  fault: (method: string, key: string) => Fault | undefined = () => undefined;
  /** The clock of the store. */
  now: () => Date = () => new Date();
  /** All requests so far, as method and key. */
  readonly requests: string[] = [];
  readonly #server: ReturnType<typeof Bun.serve>;

  constructor() {
    this.#server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => this.#fetch(request) });
    afterThisTest(() => this.#server.stop(true));
  }

  /** Another client of it, as of another node. Keys have no prefix. */
  bucket(options: S3ClientOptions = {}) {
    const endpoint = `http://127.0.0.1:${this.#server.port}`;
    return bucketAt({ endpoint, region: "us-east-1", bucket: "everlock", prefix: "" }, options);
  }

  async #fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const key = decodeURIComponent(url.pathname.replace(/^\/everlock\/?/, ""));
    this.requests.push(`${request.method} ${key}`);
    const body = new Uint8Array(await request.arrayBuffer());
    const fault = this.fault(request.method, key);
    if (this.#isOutdated(request)) return new Response(null, { status: 403 });
    if (fault?.kind === "delay") await Bun.sleep(fault.ms);
    if (fault?.kind === "held") await fault.until;
    if (fault?.kind === "refuse") return new Response(null, { status: fault.status });
    if (fault?.kind === "late") {
      void fault.done.then(() => this.#answer(request, key, url.searchParams, body));
      return new Response(null, { status: fault.status });
    }
    if (fault?.kind === "twice") this.#answer(request, key, url.searchParams, body);
    const response = this.#answer(request, key, url.searchParams, body);
    return fault?.kind === "lose" ? new Response(null, { status: fault.status }) : response;
  }

  /** A signature is valid for a quarter of an hour, by the clock of the system. */
  #isOutdated({ headers }: Request): boolean {
    const [, ...parts] = headers.get("x-amz-date")?.match(/^(.{4})(..)(..T..)(..)(..Z)$/) ?? [];
    const [year, month, hour, minute, second] = parts;
    const signed = Date.parse(`${year}-${month}-${hour}:${minute}:${second}`);
    return Date.now() - signed > 15 * 60_000;
  }

  #answer({ method, headers }: Request, key: string, query: URLSearchParams, body: Uint8Array<ArrayBuffer>) {
    if (query.has("uploads") && method === "GET")
      return new Response("<ListMultipartUploadsResult></ListMultipartUploadsResult>", XML);
    if (query.has("list-type")) return this.#list(query);
    if (query.has("delete")) {
      for (const [, name = ""] of Buffer.from(body)
        .toString()
        .matchAll(/<Key>([^<]*)<\/Key>/g))
        this.objects.delete(name);
      return new Response("<DeleteResult></DeleteResult>", XML);
    }
    if (method === "PUT") return this.#put(key, body, headers);
    if (method === "DELETE") {
      this.objects.delete(key);
      return new Response(null, { status: 204 });
    }
    return this.#get(key, headers.get("range"));
  }

  #put(key: string, bytes: Uint8Array<ArrayBuffer>, headers: Headers): Response {
    const known = this.objects.get(key);
    if (headers.get("if-none-match") === "*" && known) return new Response(null, { status: 412 });
    const expected = headers.get("if-match");
    if (expected !== null && known?.etag !== expected)
      return new Response(null, { status: known ? 412 : 404 });
    const metadata = [...headers].filter(([name]) => name.startsWith("x-amz-meta-"));
    const etag = `"${crypto.randomUUID()}"`;
    this.objects.set(key, { bytes, etag, modified: this.now(), metadata });
    return new Response(null, { headers: { ETag: etag, Date: this.now().toUTCString() } });
  }

  #get(key: string, range: string | null): Response {
    const kept = this.objects.get(key);
    if (!kept) return new Response(null, { status: 404 });
    const headers = new Headers({
      ETag: kept.etag,
      "Last-Modified": kept.modified.toUTCString(),
      Date: this.now().toUTCString(),
    });
    for (const [name, value] of kept.metadata) headers.set(name, value);
    const [, first, last] = range?.match(/^bytes=(\d+)-(\d+)$/) ?? [];
    if (first === undefined) return new Response(kept.bytes, { headers });
    headers.set("Content-Range", `bytes ${first}-${last}/${kept.bytes.length}`);
    return new Response(kept.bytes.slice(Number(first), Number(last) + 1), { status: 206, headers });
  }

  #list(query: URLSearchParams): Response {
    const after = query.get("start-after") ?? "";
    const keys = [...this.objects.keys()]
      .filter((key) => key.startsWith(query.get("prefix") ?? "") && key > after)
      .sort();
    const contents = keys.map((key) => {
      const { bytes, etag, modified } = this.objects.get(key) ?? {
        bytes: [],
        etag: "",
        modified: new Date(),
      };
      return `<Contents><Key>${key}</Key><Size>${bytes.length}</Size><ETag>${etag.replaceAll('"', "")}</ETag><LastModified>${modified.toISOString()}</LastModified></Contents>`;
    });
    const text = `<ListBucketResult><IsTruncated>false</IsTruncated>${contents.join("")}</ListBucketResult>`;
    return new Response(text, XML);
  }
}
