/** Bytes of received buffers after which a garbage collection is started. */
const COLLECT_AFTER_BYTES = 32 * 1024 * 1024;

let received = 0;

/**
 * Counts received buffers that will soon be garbage. The runtime collects them late, because it counts each as a small
 * object: eight large uploads would use several hundred MiB. The collection runs concurrently.
 */
export function noteReceived(bytes: number): void {
  received += bytes;
  if (received < COLLECT_AFTER_BYTES) return;
  received = 0;
  Bun.gc(false);
}

/**
 * Frees the memory of a received buffer at once. Whoever calls it is the only one that had it. A thread under load comes to its
 * collections late: one large upload would use 170 MiB more.
 */
export function freeReceived({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
  else noteReceived(byteLength);
}
