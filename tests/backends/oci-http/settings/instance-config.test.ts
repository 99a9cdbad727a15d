import { expect, test } from "bun:test";
import {
  checkTogether,
  encodeInstances,
  InvalidInstancesError,
  parseInstances,
} from "../../../../src/backends/oci-http/settings/instance-config.ts";

const parse = (text: string) => parseInstances(Buffer.from(text));
const minimal = '[[instance]]\nname = "a"\nvhosts = ["a.test"]\nstore = "s"\n';

test("the configuration of registries is read back as it was written", () => {
  const commit = "ab".repeat(32);
  const written = `${minimal}references = "sparse"\nimmutable = ["v*", "!v0"]\nat = "${commit}"\n`;
  const instances = parse(written);
  expect(instances).toMatchObject([
    { name: "a", vhosts: ["a.test"], store: "s", references: "sparse", immutable: ["v*", "!v0"], at: commit },
  ]);
  expect(parseInstances(encodeInstances(instances))).toEqual(instances);
  expect(parse(minimal)).toMatchObject([{ references: "strict", immutable: [] }]);
  expect(parse("")).toEqual([]);
});

test.each([
  ["[[instance]\n", "line 1: "],
  ["other = 1\n", "unknown key 'other'"],
  ["instance = 3\n", "'instance' is not a list of tables"],
  ['[[instance]]\nname = "A"\n', "instance 1: its name must be"],
  ['[[instance]]\nvhosts = ["a.test"]\nstore = "s"\n', "instance 1: its name must be"],
  [`${minimal}colour = "red"\n`, "instance a: unknown key 'colour'"],
  [minimal.replace("a.test", "http://a"), "instance a: 'vhosts' must be a list of host names"],
  [minimal.replace('"s"', '"../s"'), "instance a: 'store' must be a lower-case name"],
  [minimal.replace('"s"', '"everlock-users"'), "the store 'everlock-users' holds the server's own data"],
  [`${minimal}references = "loose"\n`, "instance a: 'references' must be 'strict' or 'sparse'"],
  [`${minimal}immutable = "v*"\n`, "instance a: 'immutable' must be a list of tag patterns"],
  [`${minimal}quota = { size = 1 }\n`, "instance a: 'quota' must be a size"],
  [`${minimal}immutable = [{}, ["v*"]]\n`, "instance a: 'immutable' must be a list of tag patterns"],
  [`${minimal}at = "abc"\n`, "instance a: 'at' must be a whole commit id"],
  [minimal + minimal, "there are two registries 'a'"],
  [minimal + minimal.replace('"a"', '"b"'), "the host 'a.test' is the registry 'a' already"],
])("a file that says %p is refused with the reason", (text, reason) => {
  expect(() => checkTogether(parse(text))).toThrow(InvalidInstancesError);
  expect(() => checkTogether(parse(text))).toThrow(reason);
});
