import { counted } from "../../../../primitives/text/counted.ts";
import { formatDuration } from "../../../../primitives/text/duration.ts";
import type { Role } from "../../../../primitives/users/role.ts";
import type { HeldGrant } from "../../../accounts/path-access.ts";
import type { CleanupRule } from "../../../oci-http/policy/cleanup-rules.ts";
import type { RepositoryDetails } from "../../api/repository.ts";
import { Size } from "./size.tsx";
import { PullTime, Time } from "./time.tsx";

interface OfRepository {
  readonly details: RepositoryDetails;
}

const VERBS: Readonly<Record<Role, string>> = { reader: "pull", writer: "push", owner: "delete" };

/** The rules of a repository, and who may do what there. */
export function RepositoryFacts({ details }: OfRepository) {
  const { access, size, pushed, by, pulled, writeOnce, cleanup, isReadOnly } = details;
  return (
    <section class="section" aria-labelledby="about">
      <h2 id="about">About this repository</h2>
      <dl class="facts">
        <dt>Your access</dt>
        <dd>
          You may {access.roles.map((role) => VERBS[role]).join(", ")}
          {isReadOnly && "; it is read-only now"}. {access.isPublic && "Everybody may pull."}
        </dd>
        {size !== undefined && <dt>Size</dt>}
        {size !== undefined && (
          <dd>
            <Size bytes={size} /> <span class="soft">each blob once</span>
          </dd>
        )}
        {pushed && <dt>Last push</dt>}
        {pushed && (
          <dd>
            <Time date={pushed} /> {by !== undefined && <span class="soft">by {by}</span>}
          </dd>
        )}
        {pulled && <dt>Last pull</dt>}
        {pulled && (
          <dd>
            <PullTime date={pulled} />
          </dd>
        )}
        <dt>Write-once tags</dt>
        <dd>
          {writeOnce.length === 0 ? (
            <span class="soft">none: a push may move every tag</span>
          ) : (
            <span class="mono">{writeOnce.join(" ")}</span>
          )}
        </dd>
        <dt>Cleanup</dt>
        <dd>{cleanup ? cleanupWords(cleanup) : <span class="soft">nothing is deleted by a rule</span>}</dd>
      </dl>
    </section>
  );
}

function cleanupWords({ newest, keep, untaggedSeconds }: CleanupRule): string {
  const kept = keep.length > 0 ? ` and those that match ${keep.join(" ")}` : "";
  const words = [
    ...(newest === undefined ? [] : [`keeps the ${counted(newest, "newest tag", "newest tags")}${kept}`]),
    ...(untaggedSeconds === undefined
      ? []
      : [`deletes manifests without a tag after ${formatDuration(untaggedSeconds)}`]),
  ];
  return `A rule ${words.join(", and ")}.`;
}

/** For administrators. */
export function GrantList({ details }: OfRepository) {
  const { grants } = details.access;
  if (!grants) return null;
  return (
    <section class="section" aria-labelledby="grants">
      <h2 id="grants">Who has access</h2>
      {grants.entries.length === 0 ? (
        <p class="soft">No grant covers this repository.</p>
      ) : (
        <div class="table">
          <table class="cards">
            <thead>
              <tr>
                <th scope="col">Holder</th>
                <th scope="col">May</th>
                <th scope="col">By the grant on</th>
              </tr>
            </thead>
            <tbody>
              {grants.entries.map((held) => (
                <Grant key={`${held.kind} ${held.holder} ${held.grant.path}`} held={held} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {grants.more && (
        <p class="soft small">There are more: ‘/users list’ in the admin console lists all users.</p>
      )}
    </section>
  );
}

function Grant({ held: { kind, holder, isDisabled, grant } }: { readonly held: HeldGrant }) {
  return (
    <tr>
      <th scope="row">
        {holder === "anon" ? "everybody" : holder} {kind === "group" && <span class="badge">group</span>}{" "}
        {isDisabled && <span class="badge">disabled</span>}
      </th>
      <td>{MAY[grant.role]}</td>
      <td>
        <span class="mono">{grant.path}</span>{" "}
        {kind === "namesake" && <span class="soft">as the registry has this name</span>}
      </td>
    </tr>
  );
}

const MAY: Readonly<Record<Role, string>> = {
  reader: "pull",
  writer: "pull, push",
  owner: "pull, push, delete",
};
