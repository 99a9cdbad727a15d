import { expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { credentialKey } from "../../../../src/backends/oci-http/settings/credential-places.ts";
import type { InstanceName } from "../../../../src/backends/oci-http/settings/instance-config.ts";
import {
  credentialSource,
  type OperatorCredentials,
} from "../../../../src/backends/oci-http/upstreams/credential-source.ts";
import { StoredCredentials } from "../../../../src/backends/oci-http/upstreams/stored-credentials.ts";
import { LocalEngine } from "../../../../src/primitives/store/engine/local/local-engine.ts";
import { upstreamUrl } from "../../../registry/client/upstream.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const HUB = credentialKey("hub" as InstanceName, "");
const URL = "https://registry.example";
const NONE: OperatorCredentials = { file: undefined, commands: new Map() };
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const ALICE = { username: "alice", password: "s3cret" };
const GIVEN = { upstream: URL, realm: undefined, ...ALICE };

function newStored(dir = temporaryDirectory()): StoredCredentials {
  return new StoredCredentials(new LocalEngine(dir, log));
}

function sourceOf(stored: StoredCredentials, operator = NONE, upstream = URL, realm?: string) {
  return credentialSource(
    { stored, operator },
    { key: HUB, upstream: upstreamUrl(upstream), realm, mayUseOperators: true },
  );
}

function executable(text: string): string {
  const path = `${temporaryDirectory()}/command`;
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o700);
  return path;
}

function commandFor(url: string, text: string): OperatorCredentials {
  return { ...NONE, commands: new Map([[url, [executable(text)]]]) };
}

test("there are none before any are given, and those that are given are used at once", async () => {
  const stored = newStored();
  const source = sourceOf(stored);
  expect(await source(false)).toBeUndefined();
  await stored.put(HUB, GIVEN);
  expect(await source(false)).toEqual(ALICE);
  await stored.drop([HUB]);
  expect(await source(false)).toBeUndefined();
});

test("a credential is not used for another upstream or realm than it was given for, and the message has no secret", async () => {
  const stored = newStored();
  await stored.put(HUB, GIVEN);
  for (const source of [
    sourceOf(stored, NONE, "https://evil.example"),
    sourceOf(stored, NONE, URL, "https://evil.example"),
  ]) {
    const error = await Promise.resolve(source(false)).catch((reason: Error) => reason);
    expect(String(error)).toContain("was given for other settings");
    expect(String(error)).not.toContain(ALICE.password);
  }
});

test("each registry and each proxy has its own, and dropping one keeps the others, in a file of the server's user alone", async () => {
  const stored = newStored();
  const other = credentialKey("hub" as InstanceName, "prefix");
  await Promise.all([stored.put(HUB, GIVEN), stored.put(other, { ...GIVEN, username: "bob" })]);
  expect(await stored.drop([HUB])).toBe(true);
  expect(await stored.drop([HUB])).toBe(false);
  expect((await stored.get(other))?.username).toBe("bob");
  expect(await stored.get(credentialKey("constructor" as InstanceName, ""))).toBeUndefined();
});

test("a damaged secret is an error without its text, and is not overwritten", async () => {
  const dir = temporaryDirectory();
  writeFileSync(`${dir}/upstream_credentials`, '{"hub": {"password": "s3cret"');
  const stored = newStored(dir);
  for (const work of [() => stored.get(HUB), () => stored.put(HUB, GIVEN)]) {
    const error = await work().catch((reason: Error) => reason);
    expect(String(error)).toContain("is damaged");
    expect(String(error)).not.toContain("s3cret");
  }
});

function fileWith(content: object): OperatorCredentials {
  const file = `${temporaryDirectory()}/config.json`;
  writeFileSync(file, JSON.stringify(content));
  return { ...NONE, file };
}

const AUTH = { auth: Buffer.from("alice:s3:cret").toString("base64") };
const FROM_FILE = { username: "alice", password: "s3:cret" };

test.each([
  ["registry.example", URL, FROM_FILE],
  ["https://registry.example/v2/", URL, FROM_FILE],
  ["https://index.docker.io/v1/", "https://registry-1.docker.io", FROM_FILE],
  ["docker.io", "https://registry-1.docker.io", FROM_FILE],
  ["registry.example:5000", URL, undefined],
  ["registry.example", "http://registry.example", undefined],
  ["http://registry.example:5000", "http://registry.example:5000", FROM_FILE],
  ["example", URL, undefined],
])("a credentials file's entry for %s and the upstream %s", async (key, upstream, expected) => {
  const source = sourceOf(newStored(), fileWith({ auths: { [key]: AUTH } }), upstream);
  expect(await source(false)).toEqual(expected as never);
});

test.each([
  [
    "an identity token, as docker login keeps for some registries",
    { auth: btoa("alice:"), identitytoken: "s3" },
  ],
  ["an identity token without a user name", { identitytoken: "s3" }],
])("a credentials file gives %s", async (_, entry) => {
  const source = sourceOf(newStored(), fileWith({ auths: { "registry.example": entry } }));
  expect(await source(false)).toEqual({ identityToken: "s3" });
});

/** Installs a credential helper that prints `text` for the server `registry.example`, and fails for others. */
function installHelper(name: string, text: string): void {
  const dir = temporaryDirectory();
  const script = `#!/bin/sh\nread server; [ "$server" = registry.example ] && echo '${text}'\n`;
  writeFileSync(`${dir}/docker-credential-${name}`, script, { mode: 0o700 });
  const before = process.env["PATH"];
  process.env["PATH"] = `${dir}:${before}`;
  afterThisTest(() => {
    process.env["PATH"] = before;
  });
}

const HELPED = '{"Username":"alice","Secret":"s3:cret"}';

test("a credentials file with credsStore asks that helper for the hosts that it names without a password, and for no others", async () => {
  installHelper("everlock-test", HELPED);
  const operator = fileWith({ credsStore: "everlock-test", auths: { "registry.example": {} } });
  expect(await sourceOf(newStored(), operator)(false)).toEqual(FROM_FILE);
  expect(await sourceOf(newStored(), operator, "https://other.example")(false)).toBeUndefined();
});

test("a credential helper that names the user <token> gives an identity token", async () => {
  installHelper("everlock-test", '{"Username":"<token>","Secret":"s3"}');
  const operator = fileWith({ credHelpers: { "registry.example": "everlock-test" } });
  expect(await sourceOf(newStored(), operator)(false)).toEqual({ identityToken: "s3" });
});

test("a helper that is not installed is an error that names it", async () => {
  const operator = fileWith({ credsStore: "everlock-none", auths: { "registry.example": {} } });
  const error = await Promise.resolve(sourceOf(newStored(), operator)(false)).catch(
    (reason: Error) => reason,
  );
  expect(String(error)).toContain("docker-credential-everlock-none for registry.example can't be run");
});

test("what the operator gives is not used where only the console's credential may be", async () => {
  const stored = newStored();
  const operator = fileWith({ auths: { "registry.example": AUTH } });
  const use = { key: HUB, upstream: upstreamUrl(URL), realm: undefined, mayUseOperators: false };
  expect(await credentialSource({ stored, operator }, use)(false)).toBeUndefined();
  await stored.put(HUB, GIVEN);
  expect(await credentialSource({ stored, operator }, use)(false)).toEqual(ALICE);
});

test("a credentials file that is no JSON, or has no password, is an error without its text", async () => {
  const file = `${temporaryDirectory()}/config.json`;
  writeFileSync(file, "s3cret");
  for (const operator of [
    { ...NONE, file },
    fileWith({ auths: { "registry.example": { auth: "czNjcmV0" } } }),
  ]) {
    const error = await Promise.resolve(sourceOf(newStored(), operator)(false)).catch(
      (reason: Error) => reason,
    );
    expect(String(error)).toStartWith("Error: the credentials file ");
    expect(String(error)).not.toContain("s3cret");
  }
});

test.each([
  ["<user>:<password>", URL, "echo alice:s3:cret", FROM_FILE],
  ["a helper's JSON", URL, `echo '{"Username":"alice","Secret":"s3:cret","ServerURL":"x"}'`, FROM_FILE],
  [
    "a password of Amazon",
    "https://1.dkr.ecr.eu-west-1.amazonaws.com",
    "echo token",
    { username: "AWS", password: "token" },
  ],
  [
    "the host on standard input",
    URL,
    'read host; echo "alice:$host"',
    { username: "alice", password: "registry.example" },
  ],
])("a command that prints %s gives credentials", async (_, url, text, expected) => {
  expect(await sourceOf(newStored(), commandFor(url, text), url)(false)).toEqual(expected);
});

test.each([
  ["exits with 3", "echo alice:s3cret; exit 3", "exited with 3"],
  ["prints something else", "echo s3cret", "prints neither"],
  ["prints several lines", "printf 'alice:s3cret\\nmore\\n'", "prints neither"],
  ["prints without an end", "while :; do echo alice:s3cret; done", "prints too much"],
])("a command that %s is an error without its output", async (_, text, words) => {
  const source = sourceOf(newStored(), commandFor(URL, text));
  const error = await Promise.resolve(source(false)).catch((reason: Error) => reason);
  expect(String(error)).toContain(words);
  expect(String(error)).not.toContain("s3cret");
});

test("a command of another host is not run, and what was given at the console comes first", async () => {
  const stored = newStored();
  expect(await sourceOf(stored, commandFor("https://other.example", "echo a:b"))(false)).toBeUndefined();
  await stored.put(HUB, GIVEN);
  expect(await sourceOf(stored, commandFor(URL, "echo a:b"))(false)).toEqual(ALICE);
});

test("a command that fails is not run again by each request", async () => {
  const marks = `${temporaryDirectory()}/marks`;
  const source = sourceOf(newStored(), commandFor(URL, `echo x >> ${marks}; exit 1`));
  for (let i = 0; i < 3; i++) await Promise.resolve(source(i > 0)).catch(() => undefined);
  expect(await Bun.file(marks).text()).toBe("x\n");
});

test("a command runs once for many requests", async () => {
  const marks = `${temporaryDirectory()}/marks`;
  const source = sourceOf(newStored(), commandFor(URL, `echo x >> ${marks}; echo a:b`));
  await Promise.all([source(false), source(false), source(true)]);
  expect(await Bun.file(marks).text()).toBe("x\n");
});
