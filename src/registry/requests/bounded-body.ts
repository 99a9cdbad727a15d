/** Memory for one request body. Another client's body may evict it until `pin`. */
export interface BodyReservation {
  /** Adds `bytes`; false if the budget has no room for them. */
  reserve(bytes: number): boolean;
  /** Resolves when the memory was given to another client. */
  readonly evicted: Promise<"evicted">;
  /** Protects the memory from eviction. */
  pin(): void;
  release(): void;
}

/** Memory for all request bodies that are held as a whole. */
export interface BodyBudget {
  /** `owner` is the client. When the budget is full, the client with the most bytes is evicted first. */
  open(owner: string): BodyReservation;
}

/** Why a body was not read: it is longer than the limit, or the memory for request bodies is used up. */
export type BodyRefusal = "too-long" | "over-budget";

/**
 * A body that is too long, but not so many times longer than the limit, is read and dropped before it is refused: a proxy that
 * is still sending when the connection is closed answers 502, and the client never learns the reason.
 */
const DROPPED = 8;

/** Reads the whole body and calls `use` with it. The reservation is released when `use` is done. */
export async function withBoundedBody<T>(
  request: Request,
  maxBytes: number,
  reservation: BodyReservation,
  use: (body: Uint8Array) => Promise<T>,
): Promise<T | BodyRefusal> {
  try {
    const body = await readBody(request, maxBytes, reservation);
    if (typeof body === "string") return body;
    reservation.pin();
    return await use(body);
  } finally {
    reservation.release();
  }
}

async function readBody(
  request: Request,
  maxBytes: number,
  reservation: BodyReservation,
): Promise<Uint8Array | BodyRefusal> {
  const length = request.headers.get("Content-Length");
  if (Number(length ?? 0) > maxBytes) {
    if (Number(length) <= maxBytes * DROPPED) await drop(request);
    return "too-long";
  }
  if (length !== null) {
    if (!reservation.reserve(Number(length))) return "over-budget";
    // The runtime enforces the declared length, and one read is cheaper than a stream.
    const body = await Promise.race([request.arrayBuffer(), reservation.evicted]);
    return body === "evicted" ? "over-budget" : new Uint8Array(body);
  }
  if (!request.body) return new Uint8Array();
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  const stop = async (refusal: BodyRefusal) => {
    await reader.cancel();
    return refusal;
  };
  for (;;) {
    const next = await Promise.race([reader.read(), reservation.evicted]);
    if (next === "evicted") return stop("over-budget");
    if (next.done) return Buffer.concat(chunks);
    size += next.value.length;
    if (size > maxBytes) return stop("too-long");
    if (!reservation.reserve(next.value.length)) return stop("over-budget");
    chunks.push(next.value);
  }
}

async function drop(request: Request): Promise<void> {
  const reader = request.body?.getReader();
  while (reader && !(await reader.read()).done);
}
