import { expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { consoleLines } from "../support/console-line.ts";
import { containerTools } from "../support/containers.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { startTestServer } from "../support/test-server.ts";
import { describeWith, must } from "../support/tools.ts";
import { WebClient } from "../support/web-client.ts";

const TIMEOUT = 60_000;

/** A registry that everybody may push to and pull from. */
async function start() {
  const server = await startTestServer();
  await consoleLines(server, "/users grant anon http/oci/default writer");
  const cwd = temporaryDirectory();
  const env = { HOME: cwd, DOCKER_CONFIG: cwd, HELM_REGISTRY_CONFIG: `${cwd}/registry.json` };
  const page = async (path: string) => {
    const browser = new WebClient(server.httpPort);
    const host = `localhost:${server.httpPort}`;
    return (await browser.fetch(path, { headers: { Host: host } })).text();
  };
  return {
    host: `localhost:${server.httpPort}`,
    ...{ cwd, env, page },
    must: (...command: string[]) => must(command, { cwd, env }),
    /** The commands that a page shows, in words. */
    async commands(path: string) {
      const shown = [...(await page(path)).matchAll(/data-copy="([a-z]+ [^"]+)"/g)];
      return shown.map(([, text = ""]) => text.split(" "));
    },
  };
}

describeWith(["podman", "crane"], "the pull commands on the page of an image that podman built", () => {
  test(
    "work as shown, by tag and by digest, and the page shows how the image was built",
    async () => {
      const { host, cwd, page, commands, must } = await start();
      const tools = containerTools();
      const steps = [
        "FROM scratch",
        "ENV COLOUR=blue",
        "LABEL team=red",
        "COPY Containerfile /",
        'CMD ["/app"]',
      ];
      writeFileSync(`${cwd}/Containerfile`, steps.join("\n"));
      await tools.must("podman", "build", "-q", "-t", `${host}/team/app:v1`, cwd);
      await tools.must("podman", "push", "-q", "--tls-verify=false", `${host}/team/app:v1`);
      const html = await page("/repositories/team/app/-/tags/v1");
      for (const part of ["COLOUR", "blue", "team", "red", "/app", "COPY"]) expect(html).toContain(part);
      const digest = /data-copy="(sha256:[0-9a-f]{64})"/.exec(html)?.[1];
      for (const reference of ["tags/v1", `manifests/${digest}`]) {
        const [podman = [], docker = [], crane = []] = await commands(
          `/repositories/team/app/-/${reference}`,
        );
        expect([podman[0], docker[0], crane[0]]).toEqual(["podman", "docker", "crane"]);
        await tools.must("podman", ...podman.slice(1));
        await must(...crane);
        expect(existsSync(`${cwd}/app.tar`)).toBe(true);
      }
    },
    TIMEOUT,
  );
});

describeWith(["helm", "oras", "crane"], "the pull commands on the page of an artifact", () => {
  test(
    "work as shown, for charts and for files",
    async () => {
      const { host, cwd, commands, must } = await start();
      mkdirSync(`${cwd}/web`);
      // A tag has no "+": helm writes it as "_".
      writeFileSync(`${cwd}/web/Chart.yaml`, "apiVersion: v2\nname: web\nversion: 1.0.0+build.2\n");
      await must("helm", "package", "web", "-d", "packed");
      await must("helm", "push", "--plain-http", "packed/web-1.0.0+build.2.tgz", `oci://${host}/charts`);
      const chart = await commands("/repositories/charts/web/-/tags/1.0.0_build.2");
      expect(chart.map(([client]) => client)).toEqual(["helm", "oras"]);
      for (const command of chart) await must(...command);
      expect(existsSync(`${cwd}/web-1.0.0+build.2.tgz`)).toBe(true);

      writeFileSync(`${cwd}/notes.txt`, "notes");
      await must("oras", "push", "--plain-http", `${host}/files:v1`, "notes.txt:text/plain");
      const file = await commands("/repositories/files/-/tags/v1");
      expect(file.map(([client]) => client)).toEqual(["oras", "crane"]);
      for (const command of file) await must(...command);
    },
    TIMEOUT,
  );
});
