import type { Referrer } from "../../../registry/model/storage.ts";

/** Artifact types of signatures: of cosign and Notation. */
const SIGNATURES = [
  "application/vnd.dev.cosign.artifact.sig.v1+json",
  "application/vnd.cncf.notary.signature",
];
/** Sigstore bundles hold signatures and attestations; annotations tell which. */
const BUNDLE = "application/vnd.dev.sigstore.bundle";
const CONTENT = "dev.sigstore.bundle.content";
const PREDICATE = "dev.sigstore.bundle.predicateType";
const SIGNED = "https://sigstore.dev/cosign/sign/v1";

/** Whether what refers to an image says that it is a signature. The signature itself is not verified. */
export function isSignature({ artifactType = "", annotations }: Referrer): boolean {
  if (SIGNATURES.includes(artifactType)) return true;
  if (!artifactType.startsWith(BUNDLE)) return false;
  return annotations?.[PREDICATE] === SIGNED || annotations?.[CONTENT] === "message-signature";
}
