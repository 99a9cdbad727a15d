import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { ExpectedError, messageOf } from "../../../primitives/expected-error.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import { ANY_HOST, parseVhostPattern } from "../../../primitives/net/vhost.ts";
import { certificateWarnings, hostWarnings } from "./certificate-warnings.ts";

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
  /** The file of the certificate. */
  readonly path: string;
  /** The names that it is for: DNS names, such as `*.example.org`, and IP addresses. */
  readonly names: readonly string[];
  /** PEM. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
}

export interface CertificateOptions {
  readonly log: Logger;
  /** The hosts of all registries. */
  readonly hosts: () => readonly string[];
  /** The time, in milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Polling interval of the files; certificates are renewed days before they expire. */
const WATCH_MS = 2000;

/** Certificates in files that another program, such as an ACME client, renews. */
export class CertificateFiles {
  readonly #paths: readonly CertificatePaths[];
  readonly #options: CertificateOptions;
  #certificates: readonly Certificate[];
  #lastState: string;
  #timer: Timer | undefined;

  /** Throws `CertificateError`. */
  constructor(paths: readonly CertificatePaths[], options: CertificateOptions) {
    this.#paths = paths;
    this.#options = options;
    this.#lastState = this.#state();
    this.#certificates = paths.map(readCertificate);
    this.#warn(this.#certificates);
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
        this.#options.log.warn(`the old certificates stay in use: ${messageOf(error)}`),
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
    for (const { names, path } of changed)
      this.#options.log.info(`the certificate of ${names.join(", ") || path} was replaced`);
    this.#warn(changed);
  }

  /** Says what clients will object to; the certificates are served all the same. */
  #warn(changed: readonly Certificate[]): void {
    const { log, hosts, now = Date.now } = this.#options;
    const warnings = changed.flatMap((certificate) => certificateWarnings(certificate, now()));
    for (const warning of [...warnings, ...hostWarnings(this.#certificates, hosts())]) log.warn(warning);
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
  checkKind(privateKey, keyPath);
  if (!parsed.checkPrivateKey(privateKey)) {
    const isChain = certificate.split("-----BEGIN CERTIFICATE-----").length > 2;
    const hint = isChain ? "; the server's own certificate must be the first in that file" : "";
    throw new CertificateError(`the key in ${keyPath} does not belong to the certificate in ${path}${hint}`);
  }
  return { path, names: namesOf(parsed), certificate, key };
}

const CURVES = ["prime256v1", "secp384r1", "secp521r1"];
/** With fewer, no signature of TLS 1.3 fits the key. */
const MIN_RSA_BITS = 1024;

/** The runtime can't serve other keys, and says so only at the first handshake or in words of its own. */
function checkKind(
  { asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject,
  path: string,
): void {
  if (type === "ed25519") return;
  if (type === "ec" && CURVES.includes(details?.namedCurve ?? "")) return;
  const bits = details?.modulusLength ?? 0;
  if (type === "rsa" && bits >= MIN_RSA_BITS) return;
  const kind = type === "rsa" ? `an RSA key of ${bits} bits` : `of the kind ${details?.namedCurve ?? type}`;
  throw new CertificateError(
    `the key in ${path} is ${kind}, which TLS can't use; use RSA with 2048 bits or more, or ECDSA with P-256, P-384 or P-521`,
  );
}

/** What the runtime reads; its types lack that an empty subject is `undefined`. */
type Named = Partial<Pick<X509Certificate, "subjectAltName" | "subject">>;

/** The subject alternative names, or the common name if there are none and it can be a host. */
function namesOf({ subjectAltName, subject = "" }: Named): readonly string[] {
  if (subjectAltName !== undefined)
    return subjectAltName
      .split(", ")
      .flatMap((entry) => entry.match(/^(?:DNS|IP Address):(.+)$/)?.[1]?.toLowerCase() ?? []);
  const common = subject.match(/^CN=(.+)$/m)?.[1] ?? "";
  const host = parseVhostPattern(common);
  return host === undefined || host === ANY_HOST ? [] : [host];
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
