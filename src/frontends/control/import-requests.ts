import type { ImportedUsers, UserImport } from "../../backends/accounts/import-users.ts";
import type {
  BlobImport,
  ImportTarget,
  ManifestImport,
} from "../../backends/oci-http/import/target/import-target.ts";
import type { ImportHeader } from "../../backends/oci-http/import/target/served-target.ts";
import { type Digest, parseDigest } from "../../primitives/digest.ts";
import { failureOf, reportFailure } from "../../primitives/errors/failure.ts";
import type { Logger } from "../../primitives/logging/logger.ts";
import { isRecord } from "../../primitives/text/records.ts";
import { parseRole } from "../../primitives/users/role.ts";
import { parseRepositoryName, type RepositoryName } from "../../registry/model/repository-name.ts";
import { parseTag, type Tag } from "../../registry/model/tag.ts";
import { IMPORT_PATH, type ImportCall, type ImportReply, USERS_CALL } from "./import-messages.ts";

export interface ImportCalls {
  /** Makes the target that a header names. Throws what is wrong with it. */
  readonly openTarget: (header: ImportHeader) => ImportTarget;
  readonly importUsers: (request: UserImport) => Promise<ImportedUsers>;
}

/** Answers `POST /import/<call>`: users, or one call of `ImportTarget`, by a command of this machine. */
export async function answerImport(request: Request, calls: ImportCalls, log: Logger): Promise<Response> {
  const url = new URL(request.url);
  const call = url.pathname.slice(IMPORT_PATH.length);
  const reply = await replyTo(request, call, url.searchParams, calls).catch((error: unknown): ImportReply => {
    const { kind, hint } = failureOf(error);
    return { error: reportFailure(log, `an import failed (${call})`, error), failure: kind, hint };
  });
  return Response.json(reply);
}

async function replyTo(
  request: Request,
  call: string,
  query: URLSearchParams,
  { openTarget, importUsers }: ImportCalls,
): Promise<ImportReply> {
  if (call === USERS_CALL) return { result: await importUsers(usersIn(await request.json())) };
  const target = openTarget({
    registry: query.get("registry") ?? "",
    as: query.get("as") ?? undefined,
    source: query.get("source") ?? "",
  });
  if (call === "putBlob") {
    const { repository, digest } = namesIn(Object.fromEntries(query));
    const blob: BlobImport = { repository, digest, size: sizeIn(query, "size"), from: sizeIn(query, "from") };
    return { result: await target.putBlob(blob, request.body ?? noBytes()) };
  }
  const json: unknown = await request.json();
  if (!isRecord(json)) throw new WrongCall("its arguments");
  return { result: await called(target, call as ImportCall, json) };
}

function called(
  target: ImportTarget,
  call: ImportCall,
  json: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  switch (call) {
    case "repository":
      return target.repository(repositoryIn(json));
    case "lastSet":
      return target.lastSet(repositoryIn(json), tagIn(json["tag"]));
    case "manifests": {
      const { digests } = json;
      if (!Array.isArray(digests)) throw new WrongCall("digests");
      return target.manifests(repositoryIn(json), digests.map(digestIn));
    }
    case "findBlob": {
      const { repository, digest } = namesIn(json);
      return target.findBlob(repository, digest);
    }
    case "putManifest":
      return target.putManifest(manifestIn(json));
    default:
      throw new WrongCall(call);
  }
}

/** A command of another version, or no command. */
class WrongCall extends Error {
  override readonly name = "WrongCall";
}

function usersIn(json: unknown): UserImport {
  const { users, role, registry, isDryRun } = Object(json) as Readonly<Record<string, unknown>>;
  if (!Array.isArray(users)) throw new WrongCall("users");
  return {
    users: users.map((user) => {
      const { login, hash } = Object(user) as Readonly<Record<string, unknown>>;
      return { login: String(login), hash: String(hash) };
    }),
    role: parseRole(String(role)),
    registry: String(registry),
    isDryRun: isDryRun === true,
  };
}

function manifestIn(json: Readonly<Record<string, unknown>>): ManifestImport {
  const { content, tag, expected, made } = json;
  if (typeof content !== "string") throw new WrongCall("content");
  return {
    ...namesIn(json),
    content: Buffer.from(content, "base64"),
    tag:
      tag === undefined
        ? undefined
        : { name: tagIn(tag), expected: expected === undefined ? undefined : digestIn(expected) },
    made: typeof made === "number" ? made : undefined,
  };
}

function namesIn(json: Readonly<Record<string, unknown>>) {
  return { repository: repositoryIn(json), digest: digestIn(json["digest"]) };
}

function repositoryIn({ repository }: Readonly<Record<string, unknown>>): RepositoryName {
  const name = parseRepositoryName(String(repository));
  if (!name) throw new WrongCall("repository");
  return name;
}

function digestIn(value: unknown): Digest {
  const digest = parseDigest(String(value));
  if (!digest) throw new WrongCall("digest");
  return digest;
}

function tagIn(value: unknown): Tag {
  const tag = parseTag(String(value));
  if (!tag) throw new WrongCall("tag");
  return tag;
}

function sizeIn(query: URLSearchParams, name: string): number {
  const size = Number(query.get(name));
  if (!Number.isSafeInteger(size) || size < 0) throw new WrongCall(name);
  return size;
}

async function* noBytes(): AsyncGenerator<never> {}
