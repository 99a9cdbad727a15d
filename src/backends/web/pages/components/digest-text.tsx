import { type Digest, digestHex } from "../../../../primitives/digest.ts";

const SHOWN_DIGITS = 12;

/** A digest by its first digits, which are unique enough to be recognised; the whole is shown when it is pointed at. */
export function DigestText({ digest }: { readonly digest: Digest }) {
  return (
    <span class="mono nowrap" title={digest}>
      {digestHex(digest).slice(0, SHOWN_DIGITS)}
    </span>
  );
}
