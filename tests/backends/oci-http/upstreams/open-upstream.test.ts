import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import type { InstanceName } from "../../../../src/backends/oci-http/settings/instance-config.ts";
import { upstreamOptions } from "../../../../src/backends/oci-http/upstreams/open-upstream.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

test("a file of upstream-ca= that is missing, or holds no certificate, is an error that names it", () => {
  const path = `${temporaryDirectory()}/ca.pem`;
  const { ca } = upstreamOptions(
    { stored: undefined, operator: { file: undefined, commands: new Map() } },
    {
      ...{ name: "hub" as InstanceName, prefix: "", upstream: "https://registry.example" },
      ...{ mayUseOperators: true, upstreamPrivate: "refuse", upstreamCa: path },
    },
  );
  const read = () => (typeof ca === "function" ? ca() : ca);
  expect(read).toThrow(`the file of upstream-ca=${path} can't be read`);
  for (const text of ["", "none", "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n"]) {
    writeFileSync(path, text);
    expect(read).toThrow(`the file of upstream-ca=${path} holds no certificate (PEM)`);
  }
});
