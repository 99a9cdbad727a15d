import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { ANY_HOST, loopbackNames } from "../../../primitives/net/vhost.ts";

/** The part of a served certificate that is examined: its file, its names and its PEM text. */
interface Served {
  readonly path: string;
  readonly names: readonly string[];
  readonly certificate: string;
}

/** RSA keys with fewer bits are refused by many clients. */
const USUAL_RSA_BITS = 2048;

/** What clients object to in a certificate itself. `now` is in milliseconds since the epoch. */
export function certificateWarnings({ path, certificate }: Served, now: number): readonly string[] {
  const parsed = new X509Certificate(certificate);
  const { validFrom, validTo, subjectAltName, publicKey } = parsed;
  const algorithm = signatureAlgorithmOf(parsed);
  const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? USUAL_RSA_BITS;
  const faults = [
    ...(namesHost(subjectAltName) ? [] : ["has no subject alternative name"]),
    ...(Date.parse(validTo) < now ? [`expired on ${validTo}`] : []),
    ...(Date.parse(validFrom) > now ? [`is not valid before ${validFrom}`] : []),
    ...(bits < USUAL_RSA_BITS ? [`has an RSA key of only ${bits} bits`] : []),
    ...(/md5|sha1/i.test(algorithm) ? [`is signed with ${algorithm}`] : []),
  ];
  return faults.map((fault) => `the certificate in ${path} ${fault}: most clients refuse it`);
}

/** Clients look for the host there alone; other names, such as addresses of email, do not count. */
function namesHost(subjectAltName = ""): boolean {
  return subjectAltName.split(", ").some((entry) => /^(?:DNS|IP Address):/.test(entry));
}

/** Such as `sha256WithRSAEncryption`. The types of the runtime lack the property. */
function signatureAlgorithmOf(certificate: X509Certificate): string {
  return "signatureAlgorithm" in certificate ? String(certificate.signatureAlgorithm) : "";
}

/** Which hosts of registries have no certificate, and which certificates are for no host. */
export function hostWarnings(certificates: readonly Served[], hosts: readonly string[]): readonly string[] {
  if (hosts.length === 0 || hosts.includes(ANY_HOST)) return [];
  const covers = certificates.map(({ names, certificate }) => {
    const parsed = new X509Certificate(certificate);
    return (host: string) => names.includes(host) || isNamed(parsed, host);
  });
  const bare = hosts.filter(
    (host) => loopbackNames(host).length === 0 && !covers.some((isFor) => isFor(host)),
  );
  const idle = certificates.filter((_, i) => !hosts.some((host) => covers[i]?.(host)));
  return [
    ...bare.map((host) => `no certificate names the host '${host}': clients refuse its HTTPS`),
    ...idle.map(
      ({ path, names }) =>
        `the certificate in ${path} is for ${names.join(", ") || "no host"}, but registries have the hosts ${hosts.join(", ")}`,
    ),
  ];
}

function isNamed(certificate: X509Certificate, host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, "$1");
  if (isIP(address) > 0) return certificate.checkIP(address) !== undefined;
  return certificate.checkHost(host.replace(/^\*/, "any")) !== undefined;
}
