import { expect, test } from "bun:test";
import { addAlice, startEverlock } from "../support/everlock.ts";
import { REGISTRY_TOOLS } from "../support/registry-tools.ts";
import { describeWith, type RunResult } from "../support/tools.ts";

function expectSuccess({ code, stdout, stderr }: RunResult): void {
  if (code !== 0) throw new Error(`exited with ${code}\n${stdout}${stderr}`);
}

/** Refused, and for want of a login: the words are the server's or the client's own. */
function expectLoginNeeded({ code, stdout, stderr }: RunResult): void {
  expect(code).not.toBe(0);
  expect(`${stdout}${stderr}`).toMatch(
    /unauthorized|authentication required|basic (auth|credential)|log in/i,
  );
}

for (const { name, needs, use } of REGISTRY_TOOLS) {
  describeWith([...needs, "ssh", "sshpass"], name, () => {
    test("pulls without a login where anybody may, and pushes and deletes with one only", async () => {
      const server = await startEverlock();
      await addAlice(server, "owner");
      expect((await server.console("/users grant anon http/oci/default reader")).code).toBe(0);
      const image = `${server.registry}/team/${name}:v1`;
      await use(server.registry, async (tool) => {
        expectLoginNeeded(await tool.push(image));
        const { code } = await tool.login("wrong");
        // crane stores what it is given without asking.
        if (name === "crane") expectLoginNeeded(await tool.push(image));
        else expect(code).not.toBe(0);
        expectSuccess(await tool.login("change-me"));
        expectSuccess(await tool.push(image));
        expectSuccess(await tool.logout());
        expectSuccess(await tool.pull(image));
        if (!tool.delete) return;
        expectLoginNeeded(await tool.delete(image));
        expectSuccess(await tool.login("change-me"));
        expectSuccess(await tool.delete(image));
        expect((await tool.pull(image)).code).not.toBe(0);
      });
    }, 60_000);

    test("works with a login alone where nobody may without", async () => {
      const server = await startEverlock();
      await addAlice(server);
      const image = `${server.registry}/team/${name}:v1`;
      await use(server.registry, async (tool) => {
        expectLoginNeeded(await tool.push(image));
        expectSuccess(await tool.login("change-me"));
        expectSuccess(await tool.push(image));
        expectSuccess(await tool.pull(image));
        expectSuccess(await tool.logout());
        expectLoginNeeded(await tool.pull(image));
      });
    }, 60_000);
  });
}
