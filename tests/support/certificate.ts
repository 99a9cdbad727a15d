import { isIP } from "node:net";
import { must } from "./tools.ts";

export interface TestCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** Values of `openssl req -newkey` and options that go with it. */
const KINDS = {
  ecdsa: ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
  p224: ["ec", "-pkeyopt", "ec_paramgen_curve:secp224r1"],
  rsa: ["rsa:2048"],
  rsa1024: ["rsa:1024"],
  rsa512: ["rsa:512"],
  sha1: ["rsa:2048", "-sha1"],
} as const;

/**
 * Creates a self-signed certificate for `names` in `<dir>/<name>.pem` and `.key`, valid for two days; without names it has no
 * subjectAltName. A name with `@` is an email address. Requires openssl.
 */
export async function makeCertificate(
  dir: string,
  name: string,
  names: readonly string[],
  kind: keyof typeof KINDS = "ecdsa",
  subject = `/CN=${name}`,
): Promise<TestCertificate> {
  const files = { certificate: `${dir}/${name}.pem`, key: `${dir}/${name}.key` };
  await must([
    ...["openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", subject],
    ...["-newkey", ...KINDS[kind]],
    ...(names.length === 0
      ? []
      : ["-addext", `subjectAltName=${names.map((host) => `${typeOf(host)}:${host}`).join(",")}`]),
    ...["-keyout", files.key, "-out", files.certificate],
  ]);
  return files;
}

function typeOf(name: string): string {
  if (name.includes("@")) return "email";
  return isIP(name) ? "IP" : "DNS";
}

export function tlsFlags(certificates: readonly TestCertificate[]): string[] {
  return [
    ...["--frontend-http-listen-https", "127.0.0.1:0"],
    ...certificates.flatMap(({ certificate, key }) => [
      ...["--frontend-http-tls-certificate", certificate],
      ...["--frontend-http-tls-key", key],
    ]),
  ];
}
