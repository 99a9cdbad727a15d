import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { ExpectedError, messageOf } from "../../../primitives/expected-error.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";

export const CERTIFICATE_SETTING = "frontend-http-tls-certificate";

/** A certificate or key is unusable; the message names the file. */
export class CertificateError extends ExpectedError {
  override readonly name = "CertificateError";
  override readonly kind = "unusable";
}

/** Paths of a certificate chain (PEM, the server's certificate first) and its private key. */
export interface CertificatePaths {
  readonly certificate: string;
  readonly key: string;
}

export interface Certificate {
  /** The subject alternative names: DNS names, such as `*.example.org`, and IP addresses. */
  readonly names: readonly string[];
  /** PEM. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
}

/** Polling interval of the files; certificates are renewed days before they expire. */
const WATCH_MS = 2000;

/** Certificates in files that another program, such as an ACME client, renews. */
export class CertificateFiles {
  readonly #paths: readonly CertificatePaths[];
  readonly #log: Logger;
  #certificates: readonly Certificate[];
  #lastState: string;
  #timer: Timer | undefined;

  /** Throws `CertificateError`. */
  constructor(paths: readonly CertificatePaths[], log: Logger) {
    this.#paths = paths;
    this.#log = log;
    this.#lastState = this.#state();
    this.#certificates = paths.map(readCertificate);
    for (const certificate of this.#certificates) this.#warnIfExpired(certificate);
  }

  /** Clients that send no SNI name or an unknown one get the first. */
  get certificates(): readonly Certificate[] {
    return this.#certificates;
  }

  /** Calls `onRenewed` after the files change. Unusable files are logged, and the old certificates stay in use. */
  watch(onRenewed: (certificates: readonly Certificate[]) => Promise<void>): void {
    this.#timer = setInterval(() => {
      const state = this.#state();
      if (state === this.#lastState) return;
      this.#lastState = state;
      this.#renew(onRenewed).catch((error) =>
        this.#log.warn(`the old certificates stay in use: ${messageOf(error)}`),
      );
    }, WATCH_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #renew(onRenewed: (certificates: readonly Certificate[]) => Promise<void>): Promise<void> {
    const certificates = this.#paths.map(readCertificate);
    if (Bun.deepEquals(certificates, this.#certificates)) return;
    await onRenewed(certificates);
    const changed = certificates.filter(
      (certificate, i) => !Bun.deepEquals(certificate, this.#certificates[i]),
    );
    this.#certificates = certificates;
    for (const certificate of changed) {
      this.#log.info(`the certificate of ${certificate.names.join(", ")} was replaced`);
      this.#warnIfExpired(certificate);
    }
  }

  #warnIfExpired({ names, certificate }: Certificate): void {
    const { validTo } = new X509Certificate(certificate);
    if (Date.parse(validTo) < Date.now())
      this.#log.warn(`the certificate of ${names.join(", ")} expired on ${validTo}`);
  }

  /** A string that changes when a file does, also when a symbolic link is retargeted. */
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
  const parsed = attempt(path, "does not contain a PEM certificate", () => new X509Certificate(certificate));
  const privateKey = attempt(keyPath, "does not contain a PEM private key without a passphrase", () =>
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
      `the certificate in ${path} has no subject alternative name; clients reject it`,
    );
  }
  return { names, certificate, key };
}

function read(path: string): string {
  return attempt(path, "can't be read", () => readFileSync(path, "utf8"));
}

function attempt<T>(path: string, fault: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw new CertificateError(`${path} ${fault}: ${messageOf(error)}`);
  }
}
