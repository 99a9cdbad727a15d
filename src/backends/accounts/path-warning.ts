import { nearest } from "../../primitives/text/nearest.ts";
import type { AccessPath, AccessPattern } from "../../primitives/users/access-path.ts";

/** Frontend and backend of every resource that has an access path. */
const [FRONTEND, BACKEND] = ["http", "oci"];

interface Instances {
  readonly instances: { list(): readonly { readonly name: string }[] };
}

/**
 * Why an access path covers nothing for now, with the path that was probably meant; `undefined` if it covers something. A
 * grant on such a path is allowed: the registry may be created later.
 */
export function pathWarning({ instances }: Instances, path: AccessPattern | AccessPath): string | undefined {
  const [frontend = "", backend = "", namespace = "", ...repository] = path.split("/");
  const registries = instances.list().map(({ name }) => name);
  const parts = [
    {
      part: frontend,
      known: [FRONTEND],
      fault: `'${frontend}' is no frontend: paths begin with ${FRONTEND}`,
    },
    {
      part: backend,
      known: [BACKEND],
      fault: `'${backend}' is no backend: ${BACKEND} is the one of ${FRONTEND}`,
    },
    { part: namespace, known: registries, fault: `there is no registry '${namespace}'` },
  ];
  const wrong = parts.find(({ part, known }) => part !== "*" && !known.includes(part));
  if (!wrong) return undefined;
  const meant = parts.map(({ part, known }) =>
    part === "*" || known.includes(part) ? part : nearest(part, known),
  );
  const hint = meant.includes(undefined) ? "" : `; did you mean '${[...meant, ...repository].join("/")}'?`;
  return `${wrong.fault}, so '${path}' covers nothing for now${hint}`;
}
