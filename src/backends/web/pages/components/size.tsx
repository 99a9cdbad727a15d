import { formatSize } from "../../../../primitives/text/byte-size.ts";

/** A number of bytes; the exact one is shown when it is pointed at. */
export function Size({ bytes }: { readonly bytes: number }) {
  return (
    <span class="nowrap" title={`${bytes.toLocaleString("en")} bytes`}>
      {formatSize(bytes)}
    </span>
  );
}
