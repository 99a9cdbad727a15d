import type { Digest } from "../../primitives/digest.ts";
import type { RepositoryName } from "../model/repository-name.ts";
import type { Referrer } from "../model/storage.ts";
import type { Reference, Tag } from "../model/tag.ts";
import { fetchBlob, fetchBlobHead } from "./fetch-blob.ts";
import { fetchRepositories, fetchTags } from "./fetch-list.ts";
import { fetchManifest, fetchManifestHead } from "./fetch-manifest.ts";
import { fetchReferrers } from "./fetch-referrers.ts";
import { type OpenedTransport, openTransport } from "./open-transport.ts";
import type {
  BlobRequest,
  ListRequest,
  RegistryClient,
  UpstreamBlob,
  UpstreamManifest,
  UpstreamManifestHead,
  UpstreamPage,
} from "./registry-client.ts";
import type { Transport } from "./transport.ts";
import { type UpstreamAnswer, UpstreamFault } from "./upstream-answer.ts";
import type { UpstreamOptions } from "./upstream-options.ts";
import { type UpstreamUrl, upstreamRepository } from "./upstream-url.ts";

/** A client of an upstream that speaks HTTP. */
export class HttpRegistryClient implements RegistryClient {
  readonly #upstream: UpstreamUrl;
  readonly #opened: OpenedTransport;
  readonly #transport: Transport;

  constructor(options: UpstreamOptions) {
    this.#upstream = options.url;
    this.#opened = openTransport(options);
    this.#transport = this.#opened.transport;
  }

  get url(): string {
    return this.#upstream.base;
  }

  headManifest(
    repository: RepositoryName,
    reference: Reference,
    signal?: AbortSignal,
  ): Promise<UpstreamAnswer<UpstreamManifestHead>> {
    return answer(fetchManifestHead(this.#transport, this.#named(repository), reference, signal));
  }

  getManifest(
    repository: RepositoryName,
    reference: Reference,
    signal?: AbortSignal,
  ): Promise<UpstreamAnswer<UpstreamManifest>> {
    return answer(fetchManifest(this.#transport, this.#named(repository), reference, signal));
  }

  headBlob(
    repository: RepositoryName,
    digest: Digest,
    signal?: AbortSignal,
  ): Promise<UpstreamAnswer<{ readonly size: number | undefined }>> {
    return answer(fetchBlobHead(this.#transport, this.#named(repository), digest, signal));
  }

  openBlob(
    repository: RepositoryName,
    digest: Digest,
    request: BlobRequest = {},
  ): Promise<UpstreamAnswer<UpstreamBlob>> {
    return answer(fetchBlob(this.#transport, this.#named(repository), digest, request));
  }

  tags(repository: RepositoryName, request: ListRequest): Promise<UpstreamAnswer<UpstreamPage<Tag>>> {
    return answer(fetchTags(this.#transport, this.#named(repository), request));
  }

  repositories(request: ListRequest): Promise<UpstreamAnswer<UpstreamPage<RepositoryName>>> {
    return answer(fetchRepositories(this.#transport, request));
  }

  referrers(
    repository: RepositoryName,
    digest: Digest,
    artifactType?: string,
    signal?: AbortSignal,
  ): Promise<UpstreamAnswer<{ readonly referrers: readonly Referrer[] }>> {
    const found = fetchReferrers(this.#transport, this.#named(repository), digest, artifactType, signal);
    return answer(found.then((referrers) => ({ referrers })));
  }

  close(): void {
    this.#opened.close();
  }

  #named(repository: RepositoryName): RepositoryName {
    return upstreamRepository(this.#upstream, repository);
  }
}

async function answer<T>(found: Promise<T | undefined>): Promise<UpstreamAnswer<T>> {
  try {
    const value = await found;
    return value === undefined ? { kind: "unknown" } : { ...value, kind: "found" };
  } catch (error) {
    if (error instanceof UpstreamFault) return error.failure;
    throw error;
  }
}
