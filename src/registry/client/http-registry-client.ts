import type { Digest } from "../../primitives/digest.ts";
import { VERSION } from "../../primitives/version.ts";
import type { RepositoryName } from "../model/repository-name.ts";
import type { Referrer } from "../model/storage.ts";
import type { Reference, Tag } from "../model/tag.ts";
import { Connections, systemResolve } from "./connections.ts";
import { Exchange } from "./exchange.ts";
import { fetchBlob, fetchBlobHead } from "./fetch-blob.ts";
import { fetchRepositories, fetchTags } from "./fetch-list.ts";
import { fetchManifest, fetchManifestHead } from "./fetch-manifest.ts";
import { fetchReferrers } from "./fetch-referrers.ts";
import type {
  BlobRequest,
  ListRequest,
  RegistryClient,
  UpstreamBlob,
  UpstreamManifest,
  UpstreamManifestHead,
  UpstreamPage,
} from "./registry-client.ts";
import { Transport } from "./transport.ts";
import { type UpstreamAnswer, UpstreamFault } from "./upstream-answer.ts";
import type { UpstreamOptions } from "./upstream-options.ts";
import { type UpstreamUrl, upstreamRepository } from "./upstream-url.ts";

const SILENCE_MS = 30_000;

/** A client of an upstream that speaks HTTP. */
export class HttpRegistryClient implements RegistryClient {
  readonly #upstream: UpstreamUrl;
  readonly #connections: Connections;
  readonly #transport: Transport;

  constructor(options: UpstreamOptions) {
    const { url: upstream, realm, credentials, allowsPrivate = false, silenceMs = SILENCE_MS } = options;
    const { environment = process.env, resolve = systemResolve } = options;
    this.#upstream = upstream;
    const { origin } = upstream;
    const ca = typeof options.ca === "string" ? () => `${options.ca}` : options.ca;
    this.#connections = new Connections({ origin, ca, allowsPrivate, silenceMs, environment, resolve });
    const exchange = new Exchange({
      connections: this.#connections,
      userAgent: `everlock/${VERSION.everlock}`,
      silenceMs,
      name: upstream.base,
    });
    this.#transport = new Transport({ upstream, exchange, credentials, realm });
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
    this.#transport.close();
    this.#connections.close();
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
