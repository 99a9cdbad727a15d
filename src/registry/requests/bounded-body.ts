/** Room in memory for one body that comes in; it may be given to others until it is kept. */
export interface Hold {
  /** False if there is no room for so many bytes more. */
  take(bytes: number): boolean;
  /** Resolves when the room was given to another. */
  readonly lost: Promise<"lost">;
  keep(): void;
  end(): void;
}

/** Room in memory for the bodies that come in. */
export interface Room {
  /** `owner`: whose the body is; who holds the most gives way to others. */
  enter(owner: string): Hold;
}

/** What became of a body that is too long, or that came while too many others were coming in. */
export type Unread = "too-long" | "no-room";

/** Has `work` done with the whole body, which keeps its room until then. */
export async function withBoundedBody<T>(
  request: Request,
  limit: number,
  hold: Hold,
  work: (body: Uint8Array) => Promise<T>,
): Promise<T | Unread> {
  try {
    const body = await readBody(request, limit, hold);
    if (typeof body === "string") return body;
    hold.keep();
    return await work(body);
  } finally {
    hold.end();
  }
}

async function readBody(request: Request, limit: number, hold: Hold): Promise<Uint8Array | Unread> {
  const length = request.headers.get("Content-Length");
  if (Number(length ?? 0) > limit) return "too-long";
  if (length !== null) {
    if (!hold.take(Number(length))) return "no-room";
    // The runtime holds a client to the length that it gives; reading at once spares setting up a stream.
    const body = await Promise.race([request.arrayBuffer(), hold.lost]);
    return body === "lost" ? "no-room" : new Uint8Array(body);
  }
  if (!request.body) return new Uint8Array();
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  const stop = async (why: Unread) => {
    await reader.cancel();
    return why;
  };
  for (;;) {
    const next = await Promise.race([reader.read(), hold.lost]);
    if (next === "lost") return stop("no-room");
    if (next.done) return Buffer.concat(chunks);
    size += next.value.length;
    if (size > limit) return stop("too-long");
    if (!hold.take(next.value.length)) return stop("no-room");
    chunks.push(next.value);
  }
}
