import { existsSync } from "node:fs";
import type { ImportedUsers, UserImport } from "../../backends/accounts/import-users.ts";
import type {
  BlobImport,
  BlobOutcome,
  BlobState,
  ImportTarget,
  ManifestImport,
  ManifestOutcome,
  TargetManifests,
  TargetRepository,
  TargetSet,
} from "../../backends/oci-http/import/target/import-target.ts";
import type { ImportHeader } from "../../backends/oci-http/import/target/served-target.ts";
import type { Digest } from "../../primitives/digest.ts";
import { isHidden } from "../../primitives/errors/failure.ts";
import type { RepositoryName } from "../../registry/model/repository-name.ts";
import type { Tag } from "../../registry/model/tag.ts";
import { refuseOthers } from "./control-client.ts";
import { ControlError } from "./control-error.ts";
import { controlSocketPath } from "./control-messages.ts";
import { IMPORT_PATH, type ImportCall, type ImportReply, USERS_CALL } from "./import-messages.ts";

const HAS_STOPPED = "the server stopped in the meantime";
const GONE = ["ECONNREFUSED", "FailedToOpenSocket", "ECONNRESET", "ConnectionClosed"];

/** A registry of the server that uses the data directory on this machine. */
export class ServerTarget implements ImportTarget {
  readonly #socket: string;
  readonly #header: ImportHeader;

  private constructor(socket: string, header: ImportHeader) {
    this.#socket = socket;
    this.#header = header;
  }

  /** `undefined` if no server runs. Rejects with the server's refusal. */
  static async open(dataDir: string, header: ImportHeader): Promise<ServerTarget | undefined> {
    const socket = controlSocketPath(dataDir);
    if (!existsSync(socket)) return undefined;
    refuseOthers(socket);
    const target = new ServerTarget(socket, header);
    try {
      await target.#call("manifests", { repository: "any", digests: [] });
    } catch (error) {
      // A killed server leaves its socket file behind.
      if (error instanceof ControlError && error.message === HAS_STOPPED) return undefined;
      throw error;
    }
    return target;
  }

  repository(repository: RepositoryName): Promise<TargetRepository> {
    return this.#call("repository", { repository });
  }

  lastSet(repository: RepositoryName, tag: Tag): Promise<TargetSet | undefined> {
    return this.#call("lastSet", { repository, tag });
  }

  manifests(repository: RepositoryName, digests: readonly Digest[]): Promise<TargetManifests> {
    return this.#call("manifests", { repository, digests });
  }

  findBlob(repository: RepositoryName, digest: Digest): Promise<BlobState> {
    return this.#call("findBlob", { repository, digest });
  }

  putManifest({ content, tag, ...manifest }: ManifestImport): Promise<ManifestOutcome> {
    return this.#call("putManifest", {
      ...manifest,
      content: Buffer.from(content).toString("base64"),
      tag: tag?.name,
      expected: tag?.expected,
    });
  }

  putBlob(
    { repository, digest, size, from }: BlobImport,
    body: AsyncIterable<Uint8Array>,
  ): Promise<BlobOutcome> {
    const names = { repository, digest, size: String(size), from: String(from) };
    return this.#send("putBlob", names, body);
  }

  #call<T>(call: ImportCall, json: Readonly<Record<string, unknown>>): Promise<T> {
    return this.#send(call, {}, JSON.stringify(json));
  }

  /** The types are those of the server, which runs the same program. */
  async #send<T>(
    call: ImportCall,
    names: Readonly<Record<string, string>>,
    body: string | AsyncIterable<Uint8Array>,
  ): Promise<T> {
    const { registry, as, source } = this.#header;
    const query = new URLSearchParams({ ...names, registry, source, ...(as !== undefined && { as }) });
    return (await callServer(this.#socket, `${call}?${query}`, body)) as T;
  }
}

/** Adds users on the server that uses the data directory; `undefined` if none runs. Rejects with the server's refusal. */
export async function importRemoteUsers(
  dataDir: string,
  request: UserImport,
): Promise<ImportedUsers | undefined> {
  const socket = controlSocketPath(dataDir);
  if (!existsSync(socket)) return undefined;
  refuseOthers(socket);
  try {
    return (await callServer(socket, USERS_CALL, JSON.stringify(request))) as ImportedUsers;
  } catch (error) {
    if (error instanceof ControlError && error.message === HAS_STOPPED) return undefined;
    throw error;
  }
}

async function callServer(
  socket: string,
  path: string,
  body: string | AsyncIterable<Uint8Array>,
): Promise<unknown> {
  const response = await post(socket, `${IMPORT_PATH}${path}`, body);
  if (!response.ok)
    throw new ControlError("the running server is of another version, which can't import; restart it");
  const reply = (await response.json()) as ImportReply;
  if (!("error" in reply)) return reply.result;
  const { error, failure, hint } = reply;
  const isOfErrors = failure !== "storage" && !isHidden(failure);
  throw new ControlError(error, { hint, ...(isOfErrors && { kind: failure }) });
}

async function post(
  socket: string,
  path: string,
  body: string | AsyncIterable<Uint8Array>,
): Promise<Response> {
  try {
    return await fetch(`http://localhost${path}`, {
      method: "POST",
      unix: socket,
      // The runtime sends what an iterable gives, as it comes.
      body: body as string,
      timeout: false,
    } as RequestInit);
  } catch (error) {
    if (GONE.includes((error as { code?: string }).code ?? ""))
      throw new ControlError(HAS_STOPPED, { cause: error });
    throw error;
  }
}
