import { counted } from "../../../../primitives/text/counted.ts";
import type { PreparedChange } from "../../api/prepared-change.ts";
import { previewToken } from "../../requests/submissions.ts";
import type { InContext } from "../../requests/web-context.ts";
import { DigestText } from "./digest-text.tsx";
import { TagText } from "./tag-text.tsx";

/** Most tags and manifests that a page lists. */
const MAX_LISTED = 500;

interface ChangePreviewProps extends InContext {
  readonly change: PreparedChange;
}

/** What a change would set, move and delete, and what prevents it. */
export function ChangePreview({ context, change }: ChangePreviewProps) {
  return (
    <section class="section" aria-label="Preview">
      <p>{summaryOf(change)}</p>
      {change.obstacle && <Obstacle obstacle={change.obstacle} />}
      <Moves context={context} change={change} />
      <Manifests change={change} />
    </section>
  );
}

/** For example `3 tags in 2 repositories would be deleted.` */
function summaryOf({ moves, tags, repositories, manifests }: PreparedChange): string {
  const { restored, deleted, kept } = manifests;
  const deletes = moves.length > 0 && moves.every(({ after }) => !after);
  const place = repositories > 1 ? ` in ${repositories} repositories` : "";
  const facts = [
    ...(tags > 0 ? [`${counted(tags, "tag")}${place} would be ${deletes ? "deleted" : "changed"}.`] : []),
    ...(restored > 0 ? [`${counted(restored, "manifest")} without a tag would come back.`] : []),
    ...(deleted > 0 ? [`${counted(deleted, "manifest")} would be deleted.`] : []),
    ...(kept > 0 ? [`${counted(kept, "manifest")} would stay.`] : []),
  ];
  return facts.join(" ");
}

function Obstacle({ obstacle }: { readonly obstacle: NonNullable<PreparedChange["obstacle"]> }) {
  const named = obstacle.moves.slice(0, MAX_LISTED);
  const left = obstacle.moves.length - named.length;
  return (
    <div class="error" role="alert">
      <p>{obstacle.reason.message}</p>
      {named.length > 0 && (
        <p>
          This concerns {named.map(({ repository, tag }) => `${repository}:${tag}`).join(", ")}
          {left > 0 && ` and ${left} more`}.
        </p>
      )}
    </div>
  );
}

function Moves({ context, change: { moves, tags, repositories } }: ChangePreviewProps) {
  if (moves.length === 0) return null;
  const listed = moves.slice(0, MAX_LISTED);
  const { links } = context;
  const anyStays = listed.some(({ after }) => after);
  return (
    <>
      <div class="table">
        <table class="cards">
          <thead>
            <tr>
              <th scope="col">Tag</th>
              <th scope="col">Change</th>
              <th scope="col">Now</th>
              {anyStays && <th scope="col">Then</th>}
            </tr>
          </thead>
          <tbody>
            {listed.map(({ repository, tag, before, after }) => (
              <tr key={`${repository}:${tag}`}>
                <th scope="row">
                  {repositories > 1 && <span class="soft">{repository}:</span>}
                  <TagText tag={tag} />
                </th>
                <td class={after ? (before ? undefined : "added") : "removed"}>
                  {after ? (before ? "moved" : "set") : "deleted"}
                </td>
                <td data-label={before && "now"}>
                  {before && (
                    <a href={links.now(`/repositories/${repository}/-/manifests/${before}`)}>
                      <DigestText digest={before} />
                    </a>
                  )}
                </td>
                {anyStays && <td data-label={after && "then"}>{after && <DigestText digest={after} />}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {tags > listed.length && (
        <p class="soft small">… and {(tags - listed.length).toLocaleString("en")} more</p>
      )}
    </>
  );
}

function Manifests({ change: { deletedManifests, manifests } }: { readonly change: PreparedChange }) {
  if (deletedManifests.length === 0) return null;
  const left = manifests.deleted - deletedManifests.length;
  return (
    <>
      <h2>Manifests that would be deleted</h2>
      <ul class="plain">
        {deletedManifests.map(({ repository, digest }) => (
          <li key={repository + digest}>
            {repository}@<DigestText digest={digest} />
          </li>
        ))}
      </ul>
      {left > 0 && <p class="soft small">… and {left.toLocaleString("en")} more</p>}
    </>
  );
}

interface ConfirmFormProps {
  readonly action: string;
  readonly change: PreparedChange;
  /** What the request names, besides the preview. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly label: string;
  readonly isDangerous?: boolean;
  /** Where a user goes who does not want it. */
  readonly cancel?: string | undefined;
}

/** The button that carries out what was shown, exactly as it was shown. */
export function ConfirmForm({ action, change, fields, label, isDangerous, cancel }: ConfirmFormProps) {
  if (change.obstacle) return null;
  return (
    <form method="post" action={action} class="row">
      {fields.map(([name, value]) => (
        <input key={name + value} type="hidden" name={name} value={value} />
      ))}
      <input type="hidden" name="preview" value={previewToken(change.digest)} />
      <button type="submit" class={isDangerous ? "primary danger" : "primary"}>
        {label}
      </button>
      {cancel !== undefined && <a href={cancel}>Cancel</a>}
    </form>
  );
}

/** Says that a confirmed preview was not carried out. */
export function MovedNotice({ words }: { readonly words: string }) {
  return (
    <div class="error" role="alert">
      <p>{words}</p>
      <p>This is what it would change now.</p>
    </div>
  );
}
