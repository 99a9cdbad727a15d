import { writeFileSync } from "node:fs";
import type { TestCertificate } from "./certificate.ts";
import { must } from "./tools.ts";

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];

/** A certification authority of its own in a directory. Requires openssl. */
export class CertificateAuthority {
  readonly certificate: string;
  readonly #dir: string;
  #count = 0;

  private constructor(dir: string) {
    this.#dir = dir;
    this.certificate = `${dir}/ca.pem`;
  }

  static async make(dir: string): Promise<CertificateAuthority> {
    const subject = ["-subj", "/CN=Everlock test CA", "-days", "2"];
    await must([
      ...["openssl", "req", "-x509", "-nodes", ...subject, ...KEY],
      ...["-keyout", `${dir}/ca.key`, "-out", `${dir}/ca.pem`],
    ]);
    return new CertificateAuthority(dir);
  }

  /** A certificate for a host name; with 0 days, it has expired when it is used. */
  async issue(host: string, days = 2): Promise<TestCertificate> {
    const base = `${this.#dir}/${++this.#count}`;
    await must([
      ...["openssl", "req", "-new", "-nodes", "-subj", `/CN=${host}`, ...KEY],
      ...["-keyout", `${base}.key`, "-out", `${base}.csr`],
    ]);
    writeFileSync(`${base}.ext`, `subjectAltName=DNS:${host}\n`);
    await must([
      ...["openssl", "x509", "-req", "-in", `${base}.csr`, "-days", String(days)],
      ...["-CA", this.certificate, "-CAkey", `${this.#dir}/ca.key`, "-CAcreateserial"],
      ...["-extfile", `${base}.ext`, "-out", `${base}.pem`],
    ]);
    return { certificate: `${base}.pem`, key: `${base}.key` };
  }
}
