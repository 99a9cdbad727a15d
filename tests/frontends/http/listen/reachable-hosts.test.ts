import { expect, test } from "bun:test";
import { unreachableHostsWarning } from "../../../../src/frontends/http/listen/reachable-hosts.ts";
import { startTestServer } from "../../../support/test-server.ts";

test.each([
  ["127.0.0.1", ["localhost"], false],
  ["::1", ["localhost"], false],
  ["localhost", ["localhost"], false],
  ["0.0.0.0", ["localhost"], true],
  ["::", ["localhost", "127.0.0.1"], true],
  ["192.0.2.1", ["[::1]"], true],
  ["0.0.0.0", ["localhost", "registry.example.org"], false],
  ["0.0.0.0", ["*"], false],
  ["0.0.0.0", [], false],
] as const)("listening on %p with the hosts %p is warned of: %p", (hostname, hosts, isWarned) => {
  expect(unreachableHostsWarning([{ hostname, port: 80 }], hosts) !== undefined).toBe(isWarned);
});

test("a start that listens on all addresses warns if only 'localhost' is served", async () => {
  const listen = ["--frontend-http-listen-http", "0.0.0.0:0"];
  const { logged } = await startTestServer(listen);
  expect(logged.join("\n")).toMatch(
    /^warn HTTP listens on 0\.0\.0\.0:\d+, but registries have only the host localhost/m,
  );
  const named = await startTestServer([...listen, "--backend-oci-http-vhost", "*"]);
  expect(named.logged.join("\n")).not.toContain("only the host");
});
