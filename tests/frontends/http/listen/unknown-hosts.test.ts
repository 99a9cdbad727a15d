import { expect, test } from "bun:test";
import { describeUnknownHost, UnknownHosts } from "../../../../src/frontends/http/listen/unknown-hosts.ts";

test("an unknown host is reported once in ten minutes, and ten hosts a minute", () => {
  let now = 0;
  const reported: string[] = [];
  const hosts = new UnknownHosts(
    (host) => void reported.push(host),
    () => now,
  );
  const note = (host: string) => hosts.note(host, () => "192.0.2.7");
  note("a.test");
  now += 599_000;
  note("a.test");
  expect(reported).toEqual(["a.test"]);
  now += 1000;
  note("a.test");
  expect(reported).toEqual(["a.test", "a.test"]);
  for (let i = 0; i < 100_000; i++) note(`${i}.test`);
  expect(reported).toHaveLength(11);
  now += 60_000;
  note("b.test");
  expect(reported.at(-1)).toBe("b.test");
});

test("the report of an unknown host lists at most 20 hosts that are served", () => {
  const served = Array.from({ length: 25 }, (_, i) => `h${i}`);
  expect(describeUnknownHost("a.test", "192.0.2.7", served)).toEndWith(
    "h18, h19 and 5 more; add it with '/oci set <registry> vhost=a.test'",
  );
  expect(describeUnknownHost("a.test", "192.0.2.7", [])).toContain("no host is served");
});
