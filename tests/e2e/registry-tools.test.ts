import { expect, test } from "bun:test";
import { addAlice, startEverlock } from "../support/everlock.ts";
import { REGISTRY_TOOLS, type RegistryTool } from "../support/registry-tools.ts";
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

/** Where anonymous users may pull. */
async function pullsFreely(name: string, tool: RegistryTool, image: string): Promise<void> {
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
}

/** Where they may not. */
async function needsLogin(tool: RegistryTool, image: string): Promise<void> {
  expectLoginNeeded(await tool.push(image));
  expectSuccess(await tool.login("change-me"));
  expectSuccess(await tool.push(image));
  expectSuccess(await tool.pull(image));
  expectSuccess(await tool.logout());
  expectLoginNeeded(await tool.pull(image));
}

for (const { name, needs, use } of REGISTRY_TOOLS) {
  describeWith([...needs, "ssh", "sshpass"], name, () => {
    test("needs a login to push and delete, and to pull unless anonymous users may", async () => {
      const server = await startEverlock();
      await addAlice(server, "owner");
      await use(server.registry, async (tool) => {
        await needsLogin(tool, `${server.registry}/team/${name}:v1`);
        expect((await server.console("/users grant anon http/oci/default reader")).code).toBe(0);
        await pullsFreely(name, tool, `${server.registry}/free/${name}:v1`);
      });
    }, 60_000);
  });
}
