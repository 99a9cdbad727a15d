import { expect, test } from "bun:test";
import { newKeyFault, parseSshKey } from "../../../src/primitives/users/ssh-key.ts";

function field(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** An RSA key of such a size; what its numbers are does not matter here. */
function rsaKey(bits: number, exponentBytes = 3): string {
  const modulus = Buffer.alloc(bits / 8 + 1, 0xa5);
  modulus[0] = 0;
  const blob = [Buffer.from("ssh-rsa"), Buffer.alloc(exponentBytes, 1), modulus].map(field);
  return `ssh-rsa ${Buffer.concat(blob).toString("base64")} comment`;
}

test.each([
  [2048, 3, undefined],
  [16_384, 3, undefined],
  [16_392, 3, "RSA keys have at most 16384 bits"],
  [2048, 6, "RSA keys have at most 16384 bits and an exponent of 32"],
] as const)(
  "a key of %p bits with an exponent of %p bytes is read, and added only where it is cheap to check",
  (bits, exponent, fault) => {
    const parsed = parseSshKey(rsaKey(bits, exponent));
    if ("fault" in parsed) throw new Error(parsed.fault);
    expect(parsed.comment).toBe("comment");
    const found = newKeyFault(parsed.key);
    if (fault === undefined) expect(found).toBeUndefined();
    else expect(found).toStartWith(fault);
  },
);
