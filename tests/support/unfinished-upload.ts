import { eventually } from "./eventually.ts";
import type { RegistryClient } from "./registry-client.ts";

/** A PATCH request whose first bytes the server has received. */
export interface UnfinishedUpload {
  /** Sends the rest, if given, and ends the body. */
  finish(rest?: Uint8Array): void;
  readonly response: Promise<Response>;
}

/** Starts an upload whose body stays open until the test ends it, and waits until the server has written its first bytes. */
export async function unfinishedUpload(
  client: RegistryClient,
  bytes: number,
  init: RequestInit = {},
): Promise<UnfinishedUpload> {
  const location = await client.startUpload();
  const body = Promise.withResolvers<ReadableStreamDefaultController<Uint8Array>>();
  const response = client.fetch(location, {
    ...init,
    method: "PATCH",
    body: new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(bytes));
        body.resolve(controller);
      },
    }),
  } as Parameters<RegistryClient["fetch"]>[1]);
  // The test checks for a failure later.
  response.catch(() => undefined);
  const controller = await body.promise;
  const isWritten = async () => (await client.fetch(location)).headers.get("Range") === `0-${bytes - 1}`;
  if (!(await eventually(isWritten))) throw new Error("the server does not write the body");
  return {
    response,
    finish(rest) {
      if (rest) controller.enqueue(rest);
      controller.close();
    },
  };
}
