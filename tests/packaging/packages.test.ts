import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { buildDeb } from "../../packaging/packages/debian-archive.ts";
import { packagedUnit } from "../../packaging/packages/package-tree.ts";
import { buildRpm } from "../../packaging/packages/rpm-archive.ts";
import { ROOT } from "../../packaging/release.ts";
import { resolveServerConfig } from "../../src/config/server-config.ts";
import { binary } from "../support/binary.ts";
import { freePort } from "../support/free-port.ts";
import { describeOnMachineCopy, onMachineCopy } from "../support/machine-copy.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const MINUTE_MS = 60_000;
const native = process.arch === "arm64" ? "arm64" : "amd64";

test("every setting in the configuration file of the packages is one of the server", () => {
  const text = readFileSync(`${ROOT}/packaging/everlock.toml`, "utf8");
  const path = `${temporaryDirectory()}/everlock.toml`;
  writeFileSync(path, text.replaceAll(/^#(?=[a-z-]+ =)/gm, ""));
  expect(resolveServerConfig(["--config", path], {})).toMatchObject({
    dataDir: "/var/lib/everlock/data",
    ops: { hostname: "127.0.0.1", port: 9090 },
  });
});

test("the unit of the packages runs as the user 'everlock', with the settings of the file", () => {
  expect(packagedUnit()).toContain("\nUser=everlock\nGroup=everlock\n");
  expect(packagedUnit()).not.toMatch(/DynamicUser|EVERLOCK_/);
  expect(packagedUnit()).toContain("\nExecStart=/usr/bin/everlock serve --config /etc/everlock.toml\n");
});

const PROGRAMS = ["dpkg", "dpkg-deb", "adduser", "rpm", "rpmbuild", "systemd-analyze", "setpriv"] as const;

/** Starts the server as the unit does, as its user; `$1` is the port of its health check. */
const SERVE = `
serve() {
  sed -i "s/^#frontend-ops-listen.*/frontend-ops-listen = \\"127.0.0.1:$1\\"/" /etc/everlock.toml
  grep -q '^frontend-http-listen-http' /etc/everlock.toml || printf 'frontend-http-listen-http = "127.0.0.1:0"\\nfrontend-ssh-listen = "127.0.0.1:0"\\n' >> /etc/everlock.toml
  cd /var/lib/everlock
  setpriv --reuid everlock --regid everlock --init-groups $(sed -n 's/^ExecStart=//p' /usr/lib/systemd/system/everlock.service) > /tmp/log-$$ 2>&1 &
  pid=$!
  for i in $(seq 100); do everlock health --config /etc/everlock.toml 2>/dev/null && break; sleep 0.1; done
  kill $pid
  wait $pid
  tail -n 1 /tmp/log-$$
  rm /tmp/log-$$
}
`;

describeOnMachineCopy(PROGRAMS, "the packages", () => {
  const work = mkdtempSync(`${tmpdir()}/everlock-`);
  const places = (name: string) => {
    for (const part of ["out", "work"]) mkdirSync(`${work}/${name}/${part}`, { recursive: true });
    return { out: `${work}/${name}/out`, work: `${work}/${name}/work` };
  };
  const debs: string[] = [];
  let rpm = "";

  beforeAll(() => {
    for (const version of ["0.1.0", "0.1.1"]) debs.push(buildDeb(native, binary(), version, places(version)));
    rpm = buildRpm(native, binary(), "0.1.0", places("rpm"));
  }, MINUTE_MS);
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  test(
    "for Debian install, serve as their own user, keep the configuration in an upgrade and the data when purged",
    async () => {
      const port = freePort();
      const { code, stdout, stderr } = await onMachineCopy(
        `${SERVE}
        rm -rf /run/systemd/system
        dpkg --install "$1" >/dev/null 2>&1
        stat -c '%U %a %n' /etc/everlock.toml /usr/bin/everlock /var/lib/everlock
        systemd-analyze verify /usr/lib/systemd/system/everlock.service
        serve ${port}
        dpkg --install "$2" >/dev/null 2>&1 </dev/null
        dpkg-query -W -f '\${Version} \${Status}\n' everlock
        serve ${port}
        dpkg --verify everlock
        dpkg --remove everlock >/dev/null 2>&1
        ls -d /etc/everlock.toml /usr/bin/everlock /var/lib/everlock/data/everlock-users 2>&1 || true
        dpkg --purge everlock 2>&1 | grep -o 'the images in /var/lib/everlock.* are kept'
        ls -d /etc/everlock.toml /var/lib/everlock/data/everlock-users 2>&1 || true
        getent passwd everlock | cut -d: -f 1,6,7`,
        { args: debs },
      );
      expect(stderr).toBe("");
      expect(stdout.trim().split("\n")).toEqual([
        "root 644 /etc/everlock.toml",
        "root 755 /usr/bin/everlock",
        "everlock 700 /var/lib/everlock",
        `ready: http://127.0.0.1:${port}/readyz returned 200`,
        "Stopped",
        "0.1.1 install ok installed",
        `ready: http://127.0.0.1:${port}/readyz returned 200`,
        "Stopped",
        "??5?????? c /etc/everlock.toml",
        "ls: cannot access '/usr/bin/everlock': No such file or directory",
        "/etc/everlock.toml",
        "/var/lib/everlock/data/everlock-users",
        "the images in /var/lib/everlock and the user 'everlock' are kept",
        "ls: cannot access '/etc/everlock.toml': No such file or directory",
        "/var/lib/everlock/data/everlock-users",
        "everlock:/var/lib/everlock:/usr/sbin/nologin",
      ]);
      expect(code).toBe(0);
    },
    MINUTE_MS,
  );

  test(
    "for RPM install, serve as their own user, and keep a changed configuration and the data when removed",
    async () => {
      const port = freePort();
      const { code, stdout, stderr } = await onMachineCopy(
        `${SERVE}
        rm -rf /run/systemd/system /var/lib/rpm
        rpm --force-debian --install --nodeps "$1"
        stat -c '%U %a %n' /etc/everlock.toml /usr/bin/everlock /var/lib/everlock
        rpm --verify --nodeps everlock
        serve ${port}
        rpm --query --configfiles everlock
        rpm --force-debian --erase everlock 2>&1
        ls -d /etc/everlock.toml* /var/lib/everlock/data/everlock-users`,
        { args: [rpm] },
      );
      expect(stderr).toBe("");
      expect(stdout.trim().split("\n")).toEqual([
        "root 644 /etc/everlock.toml",
        "root 755 /usr/bin/everlock",
        "everlock 700 /var/lib/everlock",
        `ready: http://127.0.0.1:${port}/readyz returned 200`,
        "Stopped",
        "/etc/everlock.toml",
        "warning: /etc/everlock.toml saved as /etc/everlock.toml.rpmsave",
        "/etc/everlock.toml.rpmsave",
        "/var/lib/everlock/data/everlock-users",
      ]);
      expect(code).toBe(0);
    },
    MINUTE_MS,
  );
});
