import { isIP } from "node:net";
import { must } from "./tools.ts";

export interface TestCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** Creates a self-signed certificate for `names` in `<dir>/<name>.pem` and `.key`. Requires openssl. */
export async function makeCertificate(
  dir: string,
  name: string,
  names: readonly string[],
  kind: "ecdsa" | "rsa" = "ecdsa",
): Promise<TestCertificate> {
  const files = { certificate: `${dir}/${name}.pem`, key: `${dir}/${name}.key` };
  await must([
    ...["openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", `/CN=${name}`],
    ...(kind === "rsa"
      ? ["-newkey", "rsa:2048"]
      : ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]),
    ...["-addext", `subjectAltName=${names.map((host) => `${isIP(host) ? "IP" : "DNS"}:${host}`).join(",")}`],
    ...["-keyout", files.key, "-out", files.certificate],
  ]);
  return files;
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
