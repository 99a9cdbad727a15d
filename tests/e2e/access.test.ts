import { expect, test } from "bun:test";
import { addAlice, startEverlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { describeWith } from "../support/tools.ts";

interface ErrorDocument {
  readonly errors: readonly { readonly code: string; readonly message: string }[];
}

async function fault(response: Response): Promise<string> {
  const { errors } = (await response.json()) as ErrorDocument;
  return `${response.status} ${errors[0]?.code}`;
}

describeWith(["ssh", "sshpass"], "access", () => {
  test("without credentials or with wrong ones is answered 401 with a challenge", async () => {
    const server = await startEverlock();
    await addAlice(server);
    for (const credentials of [null, "alice:wrong", "nobody:change-me", "alice:"]) {
      const client = new RegistryClient(server.httpPort, "app", credentials);
      for (const path of ["/v2/", "tags/list", "manifests/v1", "blobs/uploads/"]) {
        const response = await client.fetch(path, { method: path.endsWith("uploads/") ? "POST" : "GET" });
        expect(response.headers.get("WWW-Authenticate")).toStartWith('Basic realm="');
        expect(await fault(response)).toBe("401 UNAUTHORIZED");
      }
    }
  }, 20_000);

  test("goes as far as the role does, at once after each change of it", async () => {
    const server = await startEverlock();
    await addAlice(server);
    await new RegistryClient(server.httpPort, "app").pushImage("v1");
    await server.console("/users add bob change-me");
    const bob = new RegistryClient(server.httpPort, "app", "bob:change-me");
    const outcome = async () => {
      const answers = [
        await bob.fetch("manifests/v1"),
        await bob.fetch("blobs/uploads/", { method: "POST" }),
        await bob.fetch("manifests/none", { method: "DELETE" }),
      ];
      return answers.map((answer) => answer.status);
    };
    const grant = (role: string) => server.console(`/users grant bob http/oci/default ${role}`);
    expect(await outcome()).toEqual([403, 403, 403]);
    await grant("reader");
    expect(await outcome()).toEqual([200, 403, 403]);
    await grant("writer");
    expect(await outcome()).toEqual([200, 202, 403]);
    await grant("owner");
    expect(await outcome()).toEqual([200, 202, 404]);
    await server.console("/users revoke bob http/oci/default");
    expect(await outcome()).toEqual([403, 403, 403]);
    await server.console("/users grant bob http/oci/other owner");
    expect(await outcome()).toEqual([403, 403, 403]);
  });

  test("is the same to a repository that exists and to one that does not", async () => {
    const server = await startEverlock();
    await addAlice(server);
    await new RegistryClient(server.httpPort, "secret").pushImage("v1");
    await server.console("/users add bob change-me");
    const answers = await Promise.all(
      ["secret", "absent"].map(async (repository) => {
        const response = await new RegistryClient(server.httpPort, repository, "bob:change-me").fetch(
          "manifests/v1",
        );
        return [response.status, (await response.text()).replace(repository, "<repository>")];
      }),
    );
    expect(answers[0]).toEqual(answers[1] ?? []);
  });

  test("ends with the password that is no more", async () => {
    const server = await startEverlock();
    await addAlice(server);
    const client = new RegistryClient(server.httpPort, "app");
    expect((await client.fetch("/v2/")).status).toBe(200);
    await server.console("/users passwd alice other");
    expect((await client.fetch("/v2/")).status).toBe(401);
    expect((await new RegistryClient(server.httpPort, "app", "alice:other").fetch("/v2/")).status).toBe(200);
  });

  test("at a host that serves no registry is answered 404", async () => {
    const server = await startEverlock();
    await addAlice(server);
    const client = new RegistryClient(server.httpPort, "app");
    for (const host of ["elsewhere.test", "localhost.evil.test:8080", "127.0.0.1", "a/b@c"]) {
      expect(await fault(await client.fetch("/v2/", { headers: { Host: host } }))).toBe("404 NAME_UNKNOWN");
    }
    for (const host of ["LOCALHOST", "localhost:1", "localhost."]) {
      expect((await client.fetch("/v2/", { headers: { Host: host } })).status).toBe(200);
    }
  });
});
