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
