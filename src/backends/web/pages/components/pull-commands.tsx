import type { ContentKind } from "../../../oci-http/operations/images/content-kinds.ts";
import { type PullHost, pullHost } from "../../requests/pull-host.ts";
import type { InContext } from "../../requests/web-context.ts";
import { Copyable } from "./copyable.tsx";

interface PullCommandsProps extends InContext {
  readonly repository: string;
  /** The tag, or else the digest. */
  readonly reference: { readonly tag: string } | { readonly digest: string };
  readonly kind: ContentKind;
}

/** The commands that fetch the content, as fits what it is. */
export function PullCommands({ context, repository, reference, kind }: PullCommandsProps) {
  const place = pullHost(context.request.base);
  return (
    <section class="section" aria-labelledby="pull">
      <h2 id="pull">Pull</h2>
      {commandsFor(kind, place, repository, reference).map((text) => (
        <Copyable key={text} text={text} />
      ))}
      {context.at && (
        <p class="small soft">These commands fetch what is there now, not what was there at this moment.</p>
      )}
      {place.isBelowPath && (
        <p class="small soft">
          These clients look for a registry at the root of a host: the proxy must pass <code>/v2/</code> to
          this registry as well.
        </p>
      )}
    </section>
  );
}

/** `+` is not allowed in a tag; helm writes it as `_`. */
function chartVersion(tag: string): string {
  return tag.replaceAll("_", "+");
}

export function commandsFor(
  kind: ContentKind,
  { host, isPlain }: PullHost,
  repository: string,
  reference: PullCommandsProps["reference"],
): string[] {
  const name = `${host}/${repository}`;
  const whole = "tag" in reference ? `${name}:${reference.tag}` : `${name}@${reference.digest}`;
  const flag = (text: string) => (isPlain ? ` ${text}` : "");
  const oras = `oras pull${flag("--plain-http")} ${whole}`;
  switch (kind) {
    case "image":
    case "index": {
      const file = `${repository.split("/").at(-1)}.tar`;
      return [
        `podman pull${flag("--tls-verify=false")} ${whole}`,
        `docker pull ${whole}`,
        `crane pull${flag("--insecure")} ${whole} ${file}`,
      ];
    }
    case "chart": {
      const chart =
        "tag" in reference
          ? `oci://${name} --version ${chartVersion(reference.tag)}`
          : `oci://${name}@${reference.digest}`;
      return [`helm pull${flag("--plain-http")} ${chart}`, oras];
    }
    default:
      return [oras, `crane manifest${flag("--insecure")} ${whole}`];
  }
}
