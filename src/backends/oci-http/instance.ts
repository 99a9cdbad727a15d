import type { StoreName } from "../../primitives/store/store-manager.ts";
import type { AccessPath } from "../../primitives/users/access-path.ts";
import type { Role } from "../../primitives/users/role.ts";
import { ANONYMOUS, type UserName } from "../../primitives/users/user.ts";
import type { UserDirectory } from "../../primitives/users/user-directory.ts";
import { identityOf } from "../../primitives/users/user-registry.ts";
import type { Access } from "../../registry/exchange.ts";
import { handleExchange } from "../../registry/registry.ts";
import type { RepositoryName } from "../../registry/repository-name.ts";
import { InstanceStorage } from "./instance-storage.ts";
import type { OciStore } from "./oci-store.ts";

/** The name of an OCI instance, the third segment of its access path. */
export type InstanceName = string & { readonly __brand: "InstanceName" };

export function parseInstanceName(text: string): InstanceName | undefined {
  return /^[a-z0-9]+([._-][a-z0-9]+)*$/.test(text) && text.length <= 64 ? (text as InstanceName) : undefined;
}

export interface InstanceConfig {
  readonly name: InstanceName;
  /** Host names that select this registry, in lower case and without port. */
  readonly vhosts: readonly string[];
  readonly store: StoreName;
}

/** A request as a frontend hands it on: parsed as far as HTTP goes, and by an authenticated user or `anon`. */
export interface IncomingRequest {
  readonly request: Request;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly user: UserName;
  readonly remote: string;
  readonly challenge: string;
}

/** One registry: the engine over a store, with access by the users' grants on `http/oci/<instance>`. */
export class OciInstance {
  readonly config: InstanceConfig;
  readonly #oci: OciStore;
  readonly #users: () => UserDirectory;

  constructor(config: InstanceConfig, oci: OciStore, users: () => UserDirectory) {
    this.config = config;
    this.#oci = oci;
    this.#users = users;
  }

  handle({ request, path, query, user, remote, challenge }: IncomingRequest): Promise<Response> {
    const origin = { client: request.headers.get("User-Agent") ?? "", remote };
    const storage = new InstanceStorage(this.#oci, { identity: identityOf(user), origin });
    return handleExchange({ request, path, query, challenge, access: this.#accessOf(user), storage });
  }

  close(): Promise<void> {
    return this.#oci.close();
  }

  #accessOf(user: UserName): Access {
    const allows = (role: Role) => (repository: RepositoryName) =>
      this.#users().allows(user, `http/oci/${this.config.name}/${repository}` as AccessPath, role);
    return {
      anonymous: user === ANONYMOUS,
      mayPull: allows("reader"),
      mayPush: allows("writer"),
      mayDelete: allows("owner"),
    };
  }
}
