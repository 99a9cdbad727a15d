import { describe, expect, test } from "bun:test";
import type { ConsoleServices } from "../../../src/backends/admin-ssh/commands/command.ts";
import type { KnownNames } from "../../../src/backends/admin-ssh/commands/known-names.ts";
import { completeLine } from "../../../src/backends/admin-ssh/complete-line.ts";
import { knownNames } from "../../../src/backends/admin-ssh/completion-names.ts";
import { actorWith } from "../../support/actors.ts";
import { TestStore } from "../../support/oci-store.ts";
import { registryOver } from "../../support/registry-services.ts";

const REPOSITORIES: Readonly<Record<string, readonly string[]>> = {
  alpine: ["3.20", "demo"],
  "team/api": ["v1"],
  "team/app": ["v1", "v2", "prod"],
};

const NAMES: KnownNames = {
  isAdministrator: true,
  logins: () => ["alice", "bob"],
  groups: () => ["developers"],
  jobs: () => ["gc", "scrub"],
  registries: () => [{ name: "default", vhosts: ["localhost", "example.org"] }],
  repositories: async (registry, text) =>
    registry === "default" ? Object.keys(REPOSITORIES).filter((name) => name.startsWith(text)) : [],
  tags: async (_registry, repository, text) =>
    (REPOSITORIES[repository] ?? []).filter((name) => name.startsWith(text)),
};

async function candidates(line: string, names: Partial<KnownNames> = {}): Promise<readonly string[]> {
  return (await completeLine(line, { ...NAMES, ...names })).candidates;
}

describe("completion", () => {
  test.each([
    ["/u", ["/users"]],
    ["/users gr", ["grant", "grants"]],
    ["/users grant al", ["alice"]],
    ["/users grant alice ", ["http/oci/default"]],
    ["/users grant alice http/oci/default/team/", ["http/oci/default/team/api", "http/oci/default/team/app"]],
    ["/users grant alice http/oci/default ", ["reader", "writer", "owner"]],
    ["/users grant alice http/oci/default w", ["writer"]],
    ["/help us", ["users"]],
    ["? us", ["users"]],
    ["/help groups a", ["add", "assign"]],
    ["/users add x y ", []],
    ["/users list -", ["--json"]],
    [`/users grant "al`, []],
    ["/oci ls default team/", ["team/api", "team/app"]],
    ["/oci ls nowhere team/", []],
    ["/oci log default al", ["alpine", "alpine:3.20", "alpine:demo"]],
    ["/oci log default team/app:v", ["team/app:v1", "team/app:v2"]],
    ["/oci log default user=b", ["user=bob"]],
    ["/oci log default li", ["limit="]],
    ["/oci restore default --", ["--all", "--yes", "--json"]],
    ["/oci restore default team/app:p", ["team/app:prod"]],
    ["/oci rm default team/app:p", ["team/app:prod"]],
    ["/oci copy default team/ap", ["team/api", "team/app"]],
    ["/oci tag default team/app:v1 team/app:p", ["team/app:prod"]],
    ["/oci set default ref", ["references=strict", "references=sparse"]],
    ["/oci unset default vhost=", ["vhost=localhost", "vhost=example.org"]],
    ["/users token add alice role=", ["role=reader", "role=writer", "role=owner"]],
    ["/users token add alice path=http/oci/default/al", ["path=http/oci/default/alpine"]],
    ["/jobs run g", ["gc"]],
    ["/groups assign dev", ["developers"]],
  ])("of %p offers %p", async (line, expected) => {
    expect(await candidates(line)).toEqual(expected);
  });

  test("offers a user who is no administrator only what that user may run", async () => {
    expect(await candidates("/oci ", { isAdministrator: false })).not.toContain("delete");
    expect(await candidates("/c", { isAdministrator: false })).toEqual([]);
  });
});

describe("the names that a user is offered", () => {
  async function namesFor(grants: Readonly<Record<string, "reader" | "owner">>) {
    const store = await TestStore.open();
    for (const tag of ["v1", "v2", "prod"]) await store.image(tag);
    return knownNames(registryOver(store) as unknown as ConsoleServices, actorWith(grants));
  }

  test("are the repositories and tags that the user may read, of those that begin with what was typed", async () => {
    const names = await namesFor({ "http/oci/default/team/**": "reader" });
    expect(await names.repositories("default", "te")).toEqual(["team/app"]);
    expect(await names.repositories("default", "team/app")).toEqual(["team/app"]);
    expect(await names.repositories("default", "x")).toEqual([]);
    expect(await names.tags("default", "team/app", "")).toEqual(["prod", "v1", "v2"]);
    expect(await names.tags("default", "team/app", "v")).toEqual(["v1", "v2"]);
    expect(await names.tags("default", "team/app", "v1")).toEqual(["v1"]);
  });

  test("have nothing of a repository that the user may not read, nor of what does not exist", async () => {
    const names = await namesFor({ "http/oci/default/other/**": "owner" });
    expect(await names.repositories("default", "")).toEqual([]);
    expect(await names.tags("default", "team/app", "")).toEqual([]);
    expect(await names.repositories("nowhere", "")).toEqual([]);
    expect(await names.tags("default", "Not A Name", "\x1b")).toEqual([]);
  });
});
