import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { binary } from "../support/binary.ts";
import { afterThisTest } from "../support/cleanup.ts";
import { eventually } from "../support/eventually.ts";
import { ADMIN_PASSWORD, type Everlock, startEverlock } from "../support/everlock.ts";
import { freePort } from "../support/free-port.ts";
import {
  DistributionFiles,
  layoutFiles,
  type MadeImage,
  makeImage,
  makeIndex,
  writeDated,
} from "../support/image-files.ts";
import { randomBytes } from "../support/random-bytes.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, must, run } from "../support/tools.ts";

// Each runs the executable several times, on a machine that may have other things to do.
setDefaultTimeout(60_000);

const THEN = 1_710_000_000;
const IMAGES = 60;
const KILLS = 6;

function everlock(...args: readonly string[]) {
  return run([binary(), ...args], { cwd: temporaryDirectory() });
}

function importInto({ dataDir }: Pick<Everlock, "dataDir">, source: string, ...args: readonly string[]) {
  return everlock("import", source, "--to", "default", "--data-dir", dataDir, ...args);
}

function filledDirectory(): { there: DistributionFiles; images: Map<string, MadeImage> } {
  const there = new DistributionFiles(temporaryDirectory());
  const images = new Map<string, MadeImage>();
  for (let i = 0; i < IMAGES; i++) {
    const layers = [randomBytes(100_000)];
    const image = i % 10 === 0 ? makeIndex([makeImage({ layers }), makeImage()]) : makeImage({ layers });
    there.push(`team${i % 3}/app`, `v${i}`, image, THEN + i);
    images.set(`team${i % 3}/app:v${i}`, image);
  }
  return { there, images };
}

/** Pulls each manifest and blob, and compares them with what was made. */
async function expectImages({ registry }: Everlock, images: ReadonlyMap<string, MadeImage>): Promise<void> {
  const headers = {
    Authorization: `Basic ${btoa(`admin:${ADMIN_PASSWORD}`)}`,
    Accept: "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json",
  };
  const pull = async (path: string) =>
    Buffer.from(await (await fetch(`http://${registry}/v2/${path}`, { headers })).arrayBuffer());
  const compare = async (repository: string, reference: string, image: MadeImage): Promise<void> => {
    expect((await pull(`${repository}/manifests/${reference}`)).equals(image.manifest)).toBe(true);
    for (const [digest, bytes] of image.blobs)
      expect((await pull(`${repository}/blobs/${digest}`)).equals(bytes)).toBe(true);
    for (const child of image.children) await compare(repository, child.digest, child);
  };
  for (const [name, image] of images) {
    const [repository = "", tag = ""] = name.split(":");
    await compare(repository, tag, image);
  }
}

/** Starts an import and kills it once so many commits are there, or at once. */
async function killImport(server: Everlock, source: string, commits: number): Promise<void> {
  const child = Bun.spawn([binary(), "import", source, "--to", "default", "--data-dir", server.dataDir], {
    stdout: "ignore",
    stderr: "ignore",
  });
  let isOver = false;
  void child.exited.then(() => {
    isOver = true;
  });
  const blobs = () => {
    const directory = `${server.dataDir}/everlock-oci-local/blobs/sha256`;
    try {
      return readdirSync(directory).reduce(
        (sum, each) => sum + readdirSync(`${directory}/${each}`).length,
        0,
      );
    } catch {
      return 0;
    }
  };
  await eventually(() => isOver || blobs() >= commits);
  child.kill("SIGKILL");
  await child.exited;
}

describeWith(["git"], "everlock import", () => {
  test.each(["stopped", "running"] as const)(
    "of distribution's directory, killed again and again while the server is %s, goes on until all is there",
    async (state) => {
      const { there, images } = filledDirectory();
      const server = await startEverlock();
      if (state === "stopped") await server.end();
      for (let round = 1; round <= KILLS; round++)
        await killImport(server, there.root, (round * IMAGES * 2) / (KILLS + 2));
      const last = await importInto(server, there.root);
      expect(last).toMatchObject({ code: 0, stderr: expect.any(String) });
      const again = await importInto(server, there.root);
      expect(again.stdout).toContain("default: 0 tags and 0 manifests imported, 0 B copied");
      const running = state === "running" ? server : await startEverlock({ dataDir: server.dataDir });
      await expectImages(running, images);
      const repository = await running.repository("everlock-oci-local");
      const log = await must(["git", "-C", repository, "log", "--reverse", "--format=%at %s"]);
      const tags = log.split("\n").filter((line) => line.includes(":v"));
      expect(tags).toEqual([...images.keys()].map((name, i) => `${THEN + i} import ${name}`));
      expect(readdirSync(`${server.dataDir}/everlock-oci-local/uploads`)).toEqual([]);
    },
  );

  test("says what it can't take and why, by its exit code too, and takes the rest", async () => {
    const there = new DistributionFiles(temporaryDirectory());
    const [good, bad] = [makeImage(), makeImage()];
    there.push("app", "good", good, THEN);
    there.push("app", "bad", bad, THEN);
    const blob = [...bad.blobs.keys()][1];
    if (blob) rmSync(there.blobPath(blob));
    const server = await startEverlock();
    const dryRun = await importInto(server, there.root, "--dry-run");
    expect(dryRun.stdout).toContain(`would import app:good (${good.digest}), of 2024-03-09T16:00:00.000Z`);
    const { code, stdout, stderr } = await importInto(server, there.root, "--as", "admin");
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "everlock: 1 thing was not imported; see above why\n",
    });
    expect(stdout).toContain("default: 1 tag and 1 manifest imported");
    expect(stdout).toContain(`app:bad was not imported: the blob ${blob} is missing there`);
    await expectImages(server, new Map([["app:good", good]]));
    const { stdout: log } = await server.console("/oci log default");
    expect(log).toMatch(/admin +import app:good, of 2024-03-09 16:00:00/);
  });

  test("refuses a registry, a user, a source and a pattern that there are not, before anything is changed", async () => {
    const server = await startEverlock();
    const root = new DistributionFiles(temporaryDirectory()).root;
    const refusal = async (...args: readonly string[]) => {
      const { code, stderr } = await everlock("import", ...args, "--data-dir", server.dataDir);
      return `${code} ${stderr.trim()}`;
    };
    expect(await refusal(root, "--to", "none")).toBe("5 everlock: no registry 'none'");
    expect(await refusal(root, "--to", "default", "--as", "nobody")).toBe(
      "2 everlock: there is no user 'nobody' to import as",
    );
    expect(await refusal("/no/such/place", "--to", "default")).toContain("there is no /no/such/place");
    expect(await refusal(root, "--to", "default", "--repositories", "a b")).toContain(
      "'a b' selects no repositories",
    );
    expect(await refusal(root, "--to", "default", "--repositories", "temm/**")).toContain(
      "1 thing was not imported",
    );
    expect((await server.console("/oci set default mode=read-only")).code).toBe(0);
    expect(await refusal(root, "--to", "default")).toContain("'default' is read-only for now");
    const [address, to] = ["https://alice:s3cret@old.example.org", ["--to", "default"]] as const;
    expect(await refusal(address, ...to)).toContain(
      "'https://…@old.example.org' is no address of a registry",
    );
    const old = "https://old.example.org";
    expect(await refusal(old, ...to, "--login", "")).toContain("--login is empty");
    expect(await refusal(old, ...to, "--ca", import.meta.path)).toContain("holds no certificate (PEM)");
    expect(await refusal(old, ...to, "--realm", "auth")).toContain("--realm must be a URL such as");
    expect(await refusal(root, "--to", "default", "--wrong")).toContain("unknown flag '--wrong'");
    expect(await refusal(root)).toContain("use: everlock import");
  });

  test("says that it can be run again when a signal ends it", async () => {
    const server = await startEverlock();
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    const silent = Bun.serve({
      port: 0,
      fetch() {
        ask();
        return new Promise<Response>(() => undefined);
      },
    });
    afterThisTest(() => silent.stop(true));
    const source = `http://127.0.0.1:${silent.port}`;
    const command = Bun.spawn(
      [binary(), "import", source, "--to", "default", "--repositories", "app", "--data-dir", server.dataDir],
      { stderr: "pipe", stdout: "ignore" },
    );
    await asked;
    command.kill("SIGINT");
    expect(await command.exited).toBe(130);
    expect(await new Response(command.stderr).text()).toBe(
      `everlock: the import from ${source} is not finished: it was interrupted; run the same command again to resume it\n`,
    );
  });

  test("brings users of an htpasswd file, who log in with their passwords at once, and says whom it leaves out", async () => {
    const server = await startEverlock();
    const file = `${temporaryDirectory()}/htpasswd`;
    const hash = (await Bun.password.hash("old-secret", { algorithm: "bcrypt", cost: 5 })).replace(
      "$2b$",
      "$2y$",
    );
    writeFileSync(file, `# users\nalice:${hash}\n\nbob:$apr1$salt$hash\nadmin:$apr1$salt$hash\n`);
    const args = [
      "import",
      "--users",
      file,
      "--role",
      "reader",
      "--to",
      "default",
      "--data-dir",
      server.dataDir,
    ];
    const { code, stdout } = await everlock(...args);
    expect({ code, lines: stdout.trim().split("\n") }).toEqual({
      code: 1,
      lines: [
        "1 user added, each reader of default; 1 was there already",
        "the user 'bob' was not imported: the password is stored as MD5 (apr1); only bcrypt is accepted; set one with 'everlock users add'",
      ],
    });
    const login = async (password: string) => {
      const headers = { Authorization: `Basic ${btoa(`alice:${password}`)}` };
      return (await fetch(`http://${server.registry}/v2/_catalog`, { headers })).status;
    };
    expect([await login("wrong"), await login("old-secret"), await login("old-secret")]).toEqual([
      401, 200, 200,
    ]);
    const users = await server.repository("everlock-users");
    expect(await must(["git", "-C", users, "show", "main:users/alice.toml"])).toContain('hash = "$argon2id$');
  });
});

test("a line of an htpasswd file that is none is named by its number in the file", async () => {
  const dir = temporaryDirectory();
  writeFileSync(`${dir}/htpasswd`, "# users\n\nalice\n");
  const { code, stderr } = await everlock(
    "import",
    "--users",
    `${dir}/htpasswd`,
    "--to",
    "default",
    "--data-dir",
    dir,
  );
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: `everlock: --users: line 3 of ${dir}/htpasswd is not <login>:<hash>\n`,
  });
});

describeWith(["registry"], "everlock import from the registry of distribution", () => {
  test("takes its images over HTTP and from its directory while it runs, the same bytes", async () => {
    const { there, images } = filledDirectory();
    const port = await freePort();
    const config = `${temporaryDirectory()}/config.yml`;
    writeFileSync(
      config,
      `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${there.root}}}\nhttp: {addr: "127.0.0.1:${port}"}\n`,
    );
    const upstream = Bun.spawn(["registry", "serve", config], { stdout: "ignore", stderr: "ignore" });
    afterThisTest(async () => {
      upstream.kill();
      await upstream.exited;
    });
    await eventually(
      async () => (await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined))?.ok === true,
    );
    const server = await startEverlock();
    const address = `http://127.0.0.1:${port}`;
    expect(await importInto(server, address)).toMatchObject({ code: 0 });
    await expectImages(server, images);
    const { code, stdout } = await importInto(server, there.root);
    expect(code).toBe(0);
    expect(stdout).toContain("0 tags and 0 manifests imported, 0 B copied");
  });
});

test("everlock export --format oci writes layouts that everlock import reads back, with their dates, also of a past moment", async () => {
  const source = temporaryDirectory();
  const [first, second] = [
    makeImage({ layers: [randomBytes(50_000)] }),
    makeIndex([makeImage(), makeImage()]),
  ];
  const files = layoutFiles([
    { name: "team/app:v1", image: first },
    { name: "other:v2", image: second },
  ]);
  for (const [path, content] of files) writeDated(`${source}/${path}`, content, THEN);
  const server = await startEverlock();
  expect(await importInto(server, source)).toMatchObject({ code: 0 });
  const all = `${temporaryDirectory()}/all`;
  const exporting = (dir: string, ...args: readonly string[]) =>
    everlock("export", "everlock-oci-local", dir, "--format", "oci", "--data-dir", server.dataDir, ...args);
  const exported = await exporting(all);
  expect(exported.stdout).toContain(`2 tags and 4 manifests of 2 repositories written to ${all}, as of `);
  const some = `${temporaryDirectory()}/some`;
  expect((await exporting(some, "--repositories", "team/**:v1")).stdout).toContain(
    "1 tag and 1 manifest of 1 repository",
  );
  expect((await server.console("/oci rm default team/app:v1 --yes")).code).toBe(0);
  const commit = exported.stdout.trim().split(" ").at(-1) ?? "";
  expect((await exporting(some, "--at", commit, "--repositories", "team/**")).stdout).toContain(
    "1 tag and 1 manifest",
  );
  expect((await exporting(`${temporaryDirectory()}/now`)).stdout).toContain(
    "1 tag and 4 manifests of 2 repositories",
  );
  expect((await exporting(source)).stderr).toContain("contains something other than images of this store");

  const other = await startEverlock();
  expect(await importInto(other, all)).toMatchObject({ code: 0 });
  await expectImages(
    other,
    new Map([
      ["team/app:v1", first],
      ["other:v2", second],
    ]),
  );
  const { stdout: log } = await other.console("/oci log default");
  expect(log).toMatch(/import team\/app:v1, of 2024-03-09 16:00:00/);
});
