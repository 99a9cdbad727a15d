import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { Logger } from "../../../primitives/logging/logger.ts";

export const CERTIFICATE_SETTING = "frontend-http-tls-certificate";

/** A certificate or key that can't be used; the message names the file. */
export class CertificateError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "CertificateError";
  }
}

/** Where a certificate (PEM, with those of its issuers after it) and its private key lie. */
export interface CertificatePaths {
  readonly certificate: string;
  readonly key: string;
}

export interface Certificate {
  /** The DNS names and addresses that it is for; `*.example.org` among them. */
  readonly names: readonly string[];
  /** PEM. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
}

/** How often the files are looked at; who renews certificates does so days before they end. */
const WATCH_MS = 2000;

/** Certificates in files that another program renews, such as an ACME client. */
export class CertificateFiles {
  readonly #paths: readonly CertificatePaths[];
  readonly #log: Logger;
  #certificates: readonly Certificate[];
  #seen: string;
  #timer: Timer | undefined;

  /** Throws `CertificateError`. */
  constructor(paths: readonly CertificatePaths[], log: Logger) {
    this.#paths = paths;
    this.#log = log;
    this.#seen = this.#state();
    this.#certificates = paths.map(readCertificate);
    for (const certificate of this.#certificates) this.#warnOfEnd(certificate);
  }

  /** The first one is for clients that ask for no name or an unknown one. */
  get certificates(): readonly Certificate[] {
    return this.#certificates;
  }

  /** Calls `renewed` whenever the files have changed and can be used; what can't is reported, and the old ones stay. */
  watch(renewed: (certificates: readonly Certificate[]) => Promise<void>): void {
    this.#timer = setInterval(() => {
      const state = this.#state();
      if (state === this.#seen) return;
      this.#seen = state;
      this.#renew(renewed).catch((error) =>
        this.#log.warn(`the old certificates stay in use: ${error instanceof Error ? error.message : error}`),
      );
    }, WATCH_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #renew(renewed: (certificates: readonly Certificate[]) => Promise<void>): Promise<void> {
    const certificates = this.#paths.map(readCertificate);
    if (Bun.deepEquals(certificates, this.#certificates)) return;
    await renewed(certificates);
    const changed = certificates.filter(
      (certificate, i) => !Bun.deepEquals(certificate, this.#certificates[i]),
    );
    this.#certificates = certificates;
    for (const certificate of changed) {
      this.#log.info(`the certificate of ${certificate.names.join(", ")} was replaced`);
      this.#warnOfEnd(certificate);
    }
  }

  #warnOfEnd({ names, certificate }: Certificate): void {
    const { validTo } = new X509Certificate(certificate);
    if (Date.parse(validTo) < Date.now())
      this.#log.warn(`the certificate of ${names.join(", ")} ended on ${validTo}`);
  }

  /** Changes whenever a file does, also where a link is pointed elsewhere. */
  #state(): string {
    const files = this.#paths.flatMap(({ certificate, key }) => [certificate, key]);
    return files
      .map((path) => {
        const stat = statSync(path, { throwIfNoEntry: false });
        return stat ? `${stat.ino} ${stat.size} ${stat.mtimeMs}` : "missing";
      })
      .join("\n");
  }
}

function readCertificate({ certificate: path, key: keyPath }: CertificatePaths): Certificate {
  const certificate = read(path);
  const key = read(keyPath);
  const parsed = attempt(path, "holds no certificate in PEM", () => new X509Certificate(certificate));
  const privateKey = attempt(keyPath, "holds no private key in PEM without a passphrase", () =>
    createPrivateKey(key),
  );
  if (!parsed.checkPrivateKey(privateKey)) {
    throw new CertificateError(`the key in ${keyPath} does not belong to the certificate in ${path}`);
  }
  const names = (parsed.subjectAltName ?? "")
    .split(", ")
    .flatMap((entry) => entry.match(/^(?:DNS|IP Address):(.+)$/)?.[1]?.toLowerCase() ?? []);
  if (names.length === 0) {
    throw new CertificateError(
      `the certificate in ${path} names no host (subject alternative name); clients refuse it`,
    );
  }
  return { names, certificate, key };
}

function read(path: string): string {
  return attempt(path, "can't be read", () => readFileSync(path, "utf8"));
}

function attempt<T>(path: string, fault: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new CertificateError(`${path} ${fault}: ${error instanceof Error ? error.message : error}`);
  }
}
