import { expect, test } from "bun:test";
import { containerTools } from "../support/containers.ts";
import { startDistribution } from "../support/distribution.ts";
import { eventually } from "../support/eventually.ts";
import { type Everlock, startEverlock } from "../support/everlock.ts";
import { makeLayout } from "../support/oci-layout.ts";
import { describeWith } from "../support/tools.ts";

const ARGS = ["--http-workers", "2", "--gc-grace", "1s"];
const ACCEPT = { Accept: "application/vnd.oci.image.manifest.v1+json" };

describeWith(["registry", "skopeo", "ssh", "sshpass"], "a mirror of a distribution registry", () => {
  test("prunes by keep-size what was not pulled, knows last pulls after a restart, and fetches what was pruned again", async () => {
    const upstream = await startDistribution();
    const { must } = containerTools();
    for (const tag of ["a", "b"]) {
      const layout = makeLayout({ layerBytes: 300_000 });
      const to = `docker://${upstream.registry}/app:${tag}`;
      await must("skopeo", "copy", "-q", "--dest-tls-verify=false", `oci:${layout.dir}:image`, to);
    }
    const first = await startEverlock({ args: ARGS });
    await console(first, `/oci create hub vhost=127.0.0.1 upstream=${upstream.url} sync=app,every=6h`);
    await console(first, "/users grant anon http/oci/hub reader");
    expect(await console(first, "/jobs run sync")).toContain("2 tags copied");
    expect(await pull(first, "b")).toBe(200);
    await first.end();

    const server = await startEverlock({ args: ARGS, dataDir: first.dataDir });
    const records = await console(server, "/oci ls hub app --json");
    const pulled = records.split("\n").flatMap((line) => (line ? [JSON.parse(line)] : []));
    expect(pulled.map(({ tag, pulled }) => [tag, typeof pulled])).toEqual([
      ["a", "undefined"],
      ["b", "string"],
    ]);
    await console(server, "/oci set hub sync= keep-size=400KiB");
    // What was fetched within gc-grace stays.
    const isPrunable = async () =>
      (await console(server, "/jobs run gc --dry-run")).includes(
        "app:a (keep-size=400KiB, no pull is known)",
      );
    expect(await eventually(isPrunable)).toBe(true);
    expect(await console(server, "/jobs run gc")).toContain("removed 1 tag, 1 manifest");
    expect(await console(server, "/oci ls hub app")).not.toMatch(/^ +a /m);
    expect(await pull(server, "a")).toBe(200);
    expect(await console(server, "/oci log hub")).toContain("clean up app");
    await upstream.stop();
  }, 120_000);
});

async function pull(server: Everlock, tag: string): Promise<number> {
  const url = `http://127.0.0.1:${server.httpPort}/v2/app/manifests/${tag}`;
  return (await fetch(url, { headers: ACCEPT })).status;
}

async function console(server: Everlock, line: string): Promise<string> {
  const { code, stdout, stderr } = await server.console(line);
  if (code !== 0) throw new Error(`${line}: ${stdout}${stderr}`);
  return stdout;
}
