/** Bytes of received buffers after which a collection is asked for. */
const COLLECT_AFTER_BYTES = 32 * 1024 * 1024;

let received = 0;

/**
 * Counts buffers that came in and will soon be garbage. The runtime alone collects them late, because each is a small
 * object to it: under eight large uploads it would grow to several hundred MiB. The collection runs beside us.
 */
export function noteReceived(bytes: number): void {
  received += bytes;
  if (received < COLLECT_AFTER_BYTES) return;
  received = 0;
  Bun.gc(false);
}
