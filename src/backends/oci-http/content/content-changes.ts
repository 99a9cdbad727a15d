import type { Digest } from "../../../primitives/digest.ts";
import type { Store } from "../../../primitives/store/commits/store.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { parseOciPath } from "./layout.ts";
import { tagTarget } from "./tag-target.ts";

/** A tag or manifest that differs between two states; `undefined` on the side where it does not exist. */
export type ContentChange =
  | {
      readonly kind: "tag";
      readonly repository: RepositoryName;
      readonly tag: Tag;
      readonly before: Digest | undefined;
      readonly after: Digest | undefined;
    }
  | {
      readonly kind: "manifest";
      readonly repository: RepositoryName;
      readonly digest: Digest;
      readonly isThere: boolean;
    };

/** The tags and manifests added, moved and removed from one commit (`undefined`: the empty store) to another. */
export async function* changesBetween(
  store: Store,
  from: ObjectId | undefined,
  to: ObjectId | undefined,
): AsyncGenerator<ContentChange> {
  const [then, now] = [await store.at(from), await store.at(to)];
  for await (const { path, after } of store.diff(from, to)) {
    const file = parseOciPath(path);
    if (!file) continue;
    const { repository } = file;
    if (file.kind === "manifest") {
      yield { kind: "manifest", repository, digest: file.digest, isThere: after !== undefined };
    } else {
      const { tag } = file;
      const before = await tagTarget(then, repository, tag);
      yield { kind: "tag", repository, tag, before, after: await tagTarget(now, repository, tag) };
    }
  }
}
