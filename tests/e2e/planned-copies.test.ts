import { expect, test } from "bun:test";
import { containerTools } from "../support/containers.ts";
import { startDistribution } from "../support/distribution.ts";
import { type Everlock, startEverlock } from "../support/everlock.ts";
import { makeLayout } from "../support/oci-layout.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith } from "../support/tools.ts";

describeWith(["registry", "skopeo", "ssh", "sshpass"], "planned copies from a distribution registry", () => {
  test("fetch what a rule names with signatures, so that it pulls once upstream is gone; then only what changed, and what is gone", async () => {
    const upstream = await startDistribution();
    const { must } = containerTools();
    const layout = makeLayout({ platforms: ["amd64", "arm64"], layers: 2, layerBytes: 50_000 });
    const push = async (tag: string, from = layout.dir) => {
      const to = `docker://${upstream.registry}/library/alpine:${tag}`;
      await must("skopeo", "copy", "-q", "--all", "--dest-tls-verify=false", `oci:${from}:image`, to);
    };
    const signature = `${layout.digest.replace(":", "-")}.sig`;
    for (const tag of ["3.19", "3.20", "latest"]) await push(tag);
    await push(signature, makeLayout().dir);

    const server = await startEverlock({ args: ["--http-workers", "2"] });
    const rule = "sync=library/alpine,^3,every=6h,sync-deletes=50%";
    await console(server, `/oci create hub vhost=127.0.0.1 upstream=${upstream.url} '${rule}'`);
    await console(server, "/users grant anon http/oci/hub reader");
    const first = await console(server, "/jobs run sync");
    expect(first).toContain("library/alpine:3.19 copied");
    expect(first).toMatch(/hub: 2 tags copied, 0 deleted, 0 unchanged; .* fetched/);
    expect(await console(server, "/oci ls hub library/alpine")).toContain(signature.slice(0, 20));
    expect(await console(server, "/oci log hub")).toContain("mirror library/alpine:3.20");
    expect(await console(server, "/jobs list")).toMatch(/sync .*2 tags copied/s);

    await push("3.20", makeLayout().dir);
    const manifests = `${upstream.url}/v2/library/alpine/manifests`;
    const { status } = await fetch(`${manifests}/3.19`, { method: "DELETE" });
    expect(status).toBe(202);
    const second = await console(server, "/jobs run sync");
    expect(second).toMatch(/hub: 1 tag copied, 1 deleted, 0 unchanged/);
    expect(await console(server, "/oci log hub")).toContain("clean up library/alpine");

    await upstream.stop();
    const pull = ["copy", "-q", "--all", "--src-tls-verify=false"];
    const from = `docker://127.0.0.1:${server.httpPort}/library/alpine:3.20`;
    await must("skopeo", ...pull, from, `oci:${temporaryDirectory()}:image`);
    const failed = await server.console("/jobs run sync");
    expect(failed.code).not.toBe(0);
    expect(await console(server, "/oci ls hub library/alpine")).toContain("3.20");
  }, 120_000);
});

async function console(server: Everlock, line: string): Promise<string> {
  const { code, stdout, stderr } = await server.console(line);
  if (code !== 0) throw new Error(`${line}: ${stdout}${stderr}`);
  return stdout;
}
