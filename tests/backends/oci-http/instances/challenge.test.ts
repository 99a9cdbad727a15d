import { expect, test } from "bun:test";
import { challengeOf } from "../../../../src/backends/oci-http/instances/challenge.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";

const ORIGIN = "https://registry.example:8443";
const repository = "team/app" as RepositoryName;

test("a Basic challenge names no host and no scope", () => {
  expect(challengeOf("Basic", ORIGIN, "catalog")).toBe('Basic realm="Everlock", charset="UTF-8"');
});

test("a Bearer challenge sends the client to the token endpoint of the host that it used", () => {
  expect(challengeOf("Bearer", ORIGIN)).toBe(
    'Bearer realm="https://registry.example:8443/token",service="registry.example:8443"',
  );
});

test.each([
  ["pull", "pull"],
  ["push", "pull,push"],
  ["delete", "delete"],
] as const)("a Bearer challenge to %s a repository asks for the actions '%s'", (permission, actions) => {
  expect(challengeOf("Bearer", ORIGIN, { repository, permission })).toEndWith(
    `,scope="repository:team/app:${actions}"`,
  );
});

test("a Bearer challenge for the catalog names its scope and the fault of the token", () => {
  expect(challengeOf("Bearer", ORIGIN, "catalog", "insufficient_scope")).toEndWith(
    ',scope="registry:catalog:*",error="insufficient_scope"',
  );
});
