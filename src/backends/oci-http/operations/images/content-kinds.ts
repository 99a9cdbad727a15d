/** What a manifest is for. */
export type ContentKind =
  | "image"
  | "index"
  | "chart"
  | "signature"
  | "sbom"
  | "attestation"
  | "report"
  | "artifact";

export interface ContentName {
  readonly kind: ContentKind;
  /** In words, such as `Cosign signature`. */
  readonly name: string;
}

/** Media and artifact types by which clients mark what they attach to images. */
const KNOWN_TYPES: readonly (readonly [string, ContentKind, string])[] = [
  ["application/vnd.dev.cosign.simplesigning.v1+json", "signature", "Cosign signature"],
  ["application/vnd.dev.cosign.artifact.sig.v1+json", "signature", "Cosign signature"],
  ["application/vnd.cncf.notary.signature", "signature", "Notation signature"],
  ["application/vnd.dev.sigstore.bundle", "attestation", "Sigstore bundle"],
  ["application/vnd.dev.cosign.artifact.sbom.v1+json", "sbom", "SBOM"],
  ["application/spdx+json", "sbom", "SPDX SBOM"],
  ["text/spdx", "sbom", "SPDX SBOM"],
  ["application/vnd.cyclonedx", "sbom", "CycloneDX SBOM"],
  ["application/vnd.syft+json", "sbom", "Syft SBOM"],
  ["application/vnd.in-toto", "attestation", "in-toto attestation"],
  ["application/vnd.dsse.envelope", "attestation", "in-toto attestation"],
  ["application/sarif+json", "report", "SARIF report"],
  ["application/vnd.cncf.helm.config.v1+json", "chart", "Helm chart"],
];

/** Predicates of in-toto statements, which tell more than the media type. */
const KNOWN_PREDICATES: readonly (readonly [string, ContentKind, string])[] = [
  ["https://spdx.dev/", "sbom", "SPDX SBOM"],
  ["https://cyclonedx.org/", "sbom", "CycloneDX SBOM"],
  ["https://slsa.dev/provenance/", "attestation", "SLSA provenance"],
  ["https://cosign.sigstore.dev/attestation/vuln", "report", "vulnerability report"],
];

const IMAGE_CONFIGS: readonly unknown[] = [
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
];

export interface NamedBy {
  readonly isIndex: boolean;
  /** The manifest's own, or else the media type of its config. */
  readonly artifactType: string | undefined;
  readonly layerTypes: readonly string[];
  /** Types of in-toto predicates, from annotations. */
  readonly predicates: readonly string[];
}

/** What a manifest is, as far as its types tell. */
export function nameContent({ isIndex, artifactType, layerTypes, predicates }: NamedBy): ContentName {
  for (const predicate of predicates) {
    const found = knownIn(KNOWN_PREDICATES, predicate);
    if (found) return found;
  }
  // Cosign's signatures have the config of an image, so that the layers decide first.
  for (const type of [...layerTypes, artifactType]) {
    const found = type === undefined ? undefined : knownIn(KNOWN_TYPES, type);
    if (found) return found;
  }
  if (IMAGE_CONFIGS.includes(artifactType)) return { kind: "image", name: "image" };
  if (isIndex) return { kind: "index", name: artifactType === undefined ? "image index" : "index" };
  return { kind: "artifact", name: "artifact" };
}

function knownIn(
  table: readonly (readonly [string, ContentKind, string])[],
  type: string,
): ContentName | undefined {
  const found = table.find(([prefix]) => type.startsWith(prefix));
  return found && { kind: found[1], name: found[2] };
}
