import { MAX_CANDIDATES } from "../../primitives/terminal/displayed-line.ts";
import { parseRepositoryName } from "../../registry/model/repository-name.ts";
import type { Actor } from "../actor.ts";
import { repositoriesBeginning, tagsBeginning } from "../oci-http/operations/names.ts";
import { parseInstanceName } from "../oci-http/settings/instance-config.ts";
import type { ConsoleServices } from "./commands/command.ts";
import type { KnownNames } from "./commands/known-names.ts";

/** One more than is listed, so that the list can say that there are more. */
const LIMIT = MAX_CANDIDATES + 1;

/** The names that the services know and the actor may see. */
export function knownNames(services: ConsoleServices, actor: Actor): KnownNames {
  const { users, jobs, instances } = services;
  return {
    isAdministrator: actor.isAdministrator(),
    logins: () => users.directory.list().map(({ name }) => name),
    groups: () => users.directory.groups().map(({ name }) => name),
    jobs: () => jobs.list().map(({ name }) => name),
    registries: () => instances.list(),
    async repositories(registry, text) {
      const instance = parseInstanceName(registry);
      return instance ? repositoriesBeginning(services, actor, { instance, text, limit: LIMIT }) : [];
    },
    async tags(registry, name, text) {
      const [instance, repository] = [parseInstanceName(registry), parseRepositoryName(name)];
      if (!instance || !repository) return [];
      return tagsBeginning(services, actor, { instance, repository, text, limit: LIMIT });
    },
  };
}
