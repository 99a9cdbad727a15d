import { expect, test } from "bun:test";
import { containerTools } from "../support/containers.ts";
import { startEverlock } from "../support/everlock.ts";
import { makeLayout } from "../support/oci-layout.ts";
import { describeWith, must } from "../support/tools.ts";

const LOGINS = ["bob@example.com", "robot$ci", "a+b", "_json_key", "first.last"];

describeWith(
  ["skopeo", "git", "ssh", "sshpass"],
  "logins that are e-mail addresses or names of robots",
  () => {
    test("push, open the console, and are the authors of commits that git verifies", async () => {
      const server = await startEverlock({ args: ["--backend-oci-http-store", "everlock-oci-local"] });
      const script = LOGINS.flatMap((login) => [
        `/users add ${login} change-me`,
        `/users grant ${login} http/oci/default/${LOGINS.indexOf(login)}/** writer`,
      ]);
      const { code, stderr } = await server.console(undefined, script.join("\n"));
      expect([code, stderr]).toEqual([0, ""]);
      const layout = makeLayout();
      for (const [i, login] of LOGINS.entries()) {
        const { must: mustRun } = containerTools();
        const credentials = ["-u", login, "-p", "change-me"];
        await mustRun("skopeo", "login", "--tls-verify=false", ...credentials, server.registry);
        await mustRun(
          "skopeo",
          ...["copy", "-q", "--dest-tls-verify=false", `oci:${layout.dir}:image`],
          `docker://${server.registry}/${i}/app:v1`,
        );
        const ssh = [
          ...["sshpass", "-e", "ssh", "-p", String(server.sshPort), "-l", login],
          ...["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"].flatMap((o) => [
            "-o",
            o,
          ]),
          ...["127.0.0.1", `/users grants ${login}`],
        ];
        expect(await must(ssh, { env: { SSHPASS: "change-me" } })).toContain(`http/oci/default/${i}/**`);
      }
      await server.end();
      const git = async (store: string, ...args: string[]) =>
        must(["git", "-C", await server.repository(store), ...args]);
      for (const store of ["everlock-oci-local", "everlock-users"])
        await git(store, "fsck", "--strict", "--no-dangling");
      const authors = (await git("everlock-oci-local", "log", "--reverse", "--format=%an|%ae"))
        .trim()
        .split("\n");
      expect(authors.filter((line, i) => authors.indexOf(line) === i)).toEqual(
        LOGINS.map((login) => `${login}|${login.replace("@", "%40")}@everlock`),
      );
      const again = await startEverlock({ dataDir: server.dataDir });
      const listed = await again.console("/users list");
      for (const login of LOGINS) expect(listed.stdout).toContain(`${login} `);
    }, 60_000);
  },
);
