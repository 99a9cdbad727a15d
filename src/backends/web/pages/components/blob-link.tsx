import type { ComponentChildren } from "preact";
import { type Digest, digestHex } from "../../../../primitives/digest.ts";
import type { InContext } from "../../requests/web-context.ts";

interface BlobLinkProps extends InContext {
  readonly repository: string;
  readonly blob: {
    readonly digest: Digest;
    readonly mediaType: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly children: ComponentChildren;
}

/** Downloads a blob as a file. */
export function BlobLink({ context, repository, blob, children }: BlobLinkProps) {
  const { links } = context;
  const name = fileName(blob);
  const address = links.to(`/api/v1/repositories/${repository}/-/blobs/${blob.digest}`, { name });
  return (
    <a href={address} download={name} title={`Download ${name}`}>
      {children}
    </a>
  );
}

const TITLE = "org.opencontainers.image.title";
const NAME_DIGITS = 12;
const MAX_NAME = 100;

const ENDINGS: readonly (readonly [string, string])[] = [
  ["tar+gzip", ".tar.gz"],
  ["tar.gzip", ".tar.gz"],
  ["tar+zstd", ".tar.zst"],
  ["tar", ".tar"],
  ["json", ".json"],
  ["xml", ".xml"],
  ["spdx", ".spdx"],
];

/** As its annotations call it, or else the first digits of its digest with an ending that fits its type. */
function fileName({ digest, mediaType, annotations }: BlobLinkProps["blob"]): string {
  const title = annotations?.[TITLE]?.split("/").at(-1);
  if (title) return title.replace(/[^\w.+-]/g, "_").slice(-MAX_NAME);
  const ending = ENDINGS.find(([type]) => mediaType.endsWith(type))?.[1] ?? "";
  return `${digestHex(digest).slice(0, NAME_DIGITS)}${ending}`;
}
