import { eventually } from "./eventually.ts";
import type { RegistryClient } from "./registry-client.ts";

/** A PATCH request of which the server has the first bytes. */
export interface UnfinishedUpload {
  /** Sends the rest, if any is given, and ends the body. */
  finish(rest?: Uint8Array): void;
  readonly response: Promise<Response>;
}

/** Begins an upload whose body goes on until the test ends it, and waits until the server has written its beginning. */
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
  // Its failure is the test's to see, later than this.
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
