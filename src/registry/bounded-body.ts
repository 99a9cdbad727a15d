/** Room in memory for the bodies that come in. */
export interface Room {
  /** False if there is no room for so many bytes. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

/** What became of a body that is too long, or that came while too many others were coming in. */
export type Unread = "too-long" | "no-room";

/** Has `work` done with the whole body, which keeps its room until then. */
export async function withBoundedBody<T>(
  request: Request,
  limit: number,
  room: Room,
  work: (body: Uint8Array) => Promise<T>,
): Promise<T | Unread> {
  const length = request.headers.get("Content-Length");
  if (Number(length ?? 0) > limit) return "too-long";
  let held = 0;
  const hold = (bytes: number) => {
    if (!room.take(bytes)) return false;
    held += bytes;
    return true;
  };
  try {
    if (length !== null) {
      if (!hold(Number(length))) return "no-room";
      // The runtime holds a client to the length that it gives; reading at once spares setting up a stream.
      return await work(new Uint8Array(await request.arrayBuffer()));
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of request.body ?? []) {
      if (held + chunk.length > limit) return "too-long";
      if (!hold(chunk.length)) return "no-room";
      chunks.push(chunk);
    }
    return await work(Buffer.concat(chunks));
  } finally {
    room.give(held);
  }
}
