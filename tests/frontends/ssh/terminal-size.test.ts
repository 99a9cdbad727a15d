import { expect, test } from "bun:test";
import type { ClientChannel, PseudoTtyOptions } from "ssh2";
import type { ConsoleChannel } from "../../../src/backends/admin-ssh/admin-console.ts";
import { eventually } from "../../support/eventually.ts";
import { startSsh } from "../../support/ssh-server.ts";

/** Opens a shell; returns its sizes as the console was told them, the first one first. */
async function sizesOf(window: PseudoTtyOptions) {
  const sizes: (readonly [columns: number, rows: number] | undefined)[] = [];
  const note = ({ screen }: ConsoleChannel) =>
    void sizes.push(screen && ([screen.columns(), screen.rows()] as const));
  const { connect } = await startSsh({
    async session(_login: unknown, channel: ConsoleChannel) {
      note(channel);
      channel.screen?.onResize(() => note(channel));
      for await (const _ of channel.input);
      return 0;
    },
    execute: async () => 0,
  });
  const client = await connect();
  const shell = await new Promise<ClientChannel>((resolve, reject) =>
    client.shell(window, (error, channel) => (error ? reject(error) : resolve(channel))),
  );
  expect(await eventually(() => sizes.length > 0)).toBe(true);
  return { sizes, shell };
}

test.each([
  [40, 12, [40, 12]],
  [0, 0, [80, 24]],
  [4_000_000_000, 4_000_000_000, [1000, 1000]],
] satisfies [number, number, [number, number]][])(
  "a terminal of %p columns and %p rows has the size %p",
  async (cols, rows, size) => {
    expect((await sizesOf({ cols, rows })).sizes).toEqual([size]);
  },
);

test("the console learns of a new size of the terminal, once for many changes at a time", async () => {
  const { sizes, shell } = await sizesOf({ cols: 80, rows: 24 });
  for (let columns = 30; columns <= 50; columns++) shell.setWindow(10, columns, 0, 0);
  expect(await eventually(() => sizes.at(-1)?.[0] === 50)).toBe(true);
  expect(sizes.at(-1)).toEqual([50, 10]);
  expect(sizes.length).toBeLessThan(6);
});
