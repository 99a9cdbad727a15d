import { expect, test } from "bun:test";
import type { OciIndexReader } from "../../../../src/backends/oci-http/index/oci-index-reader.ts";
import { OciInstance } from "../../../../src/backends/oci-http/instances/instance.ts";
import type { MirrorCalls } from "../../../../src/backends/oci-http/mirror/mirror-calls.ts";
import type { InstanceConfig } from "../../../../src/backends/oci-http/settings/instance-config.ts";
import type { StoreView } from "../../../../src/backends/oci-http/store/store-view.ts";
import { SharedBudget } from "../../../../src/primitives/bounds/shared-budget.ts";
import type { Grant } from "../../../../src/primitives/users/access-file.ts";
import type { AccessPattern } from "../../../../src/primitives/users/access-path.ts";
import { ANONYMOUS, type User, type UserName } from "../../../../src/primitives/users/user.ts";
import { UserDirectory } from "../../../../src/primitives/users/user-directory.ts";
import type { NameRange } from "../../../../src/registry/model/name-range.ts";

const PRIVATE = Array.from({ length: 5000 }, (_, i) => `private/app-${i}`);
const PUBLIC = ["public/one", "public/two", "shared", "zoo/public"];
const NAMES = [...PRIVATE, ...PUBLIC].sort();

/** Which repositories `user` is shown, and how many were read for that. */
async function catalog(user: string, grants: Readonly<Record<string, readonly string[]>>, query = "") {
  let read = 0;
  const index = {
    *repositoriesAfter(last: string, _atOnce: number, { from, before }: NameRange) {
      for (const name of NAMES) {
        if (name <= last || name < from || (before !== undefined && name >= before)) continue;
        read++;
        yield name;
      }
    },
  };
  const users = new UserDirectory(
    Object.entries(grants).map(
      ([name, paths]): User => ({
        name: name as UserName,
        displayName: name,
        isDisabled: false,
        credentials: [],
        grants: paths.map(
          (path): Grant => ({ path: `http/oci/default${path}` as AccessPattern, role: "reader" }),
        ),
      }),
    ),
  );
  const instance = new OciInstance(
    { name: "default", mode: "normal", proxies: [] as InstanceConfig["proxies"] } as InstanceConfig,
    { index: index as unknown as OciIndexReader, refresh: () => undefined } as unknown as StoreView,
    () => users,
    {} as MirrorCalls,
  );
  const response = await instance.handle({
    request: new Request(`http://localhost/v2/_catalog${query}`),
    path: "/v2/_catalog",
    query: new URLSearchParams(query),
    principal: { user: user as UserName },
    trace: { route: "other", repository: undefined, received: 0, sent: 0 },
    limits: {
      manifestBytes: 1,
      blobBytes: undefined,
      manifestBudget: new SharedBudget(1),
      beginUpload: () => undefined,
    },
    responseBodies: {
      list: (content) => content,
      manifest: (content) => content,
      pieces: async () => undefined,
    },
    remote: () => "192.0.2.1",
    base: "http://localhost",
  });
  const { repositories } = (await response.json()) as { repositories: string[] };
  return { repositories, read };
}

test("the catalog of a registry reads only repositories that the user's grants cover", async () => {
  const grants = { [ANONYMOUS]: ["/public/**", "/shared"], alice: ["/zoo/*"] };
  expect(await catalog(ANONYMOUS, grants)).toEqual({
    repositories: ["public/one", "public/two", "shared"],
    read: 3,
  });
  expect(await catalog("alice", grants)).toEqual({
    repositories: ["public/one", "public/two", "shared", "zoo/public"],
    read: 4,
  });
  expect(await catalog("alice", grants, "?n=1&last=public/two")).toEqual({
    repositories: ["shared"],
    read: 2,
  });
});

test("the catalog of a registry lists what a grant with a leading wildcard covers", async () => {
  const { repositories } = await catalog(ANONYMOUS, { [ANONYMOUS]: ["/*/two", "/**/public"] });
  expect(repositories).toEqual(["public/two", "zoo/public"]);
});

test("the catalog lists all repositories for the user with the registry's name", async () => {
  const { repositories } = await catalog("default", { default: [] }, "?n=10000");
  expect(repositories).toEqual(NAMES);
});
