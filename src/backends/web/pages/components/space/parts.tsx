import { counted } from "../../../../../primitives/text/counted.ts";
import type { SpaceMeasurement } from "../../../../oci-http/operations/space-measurement.ts";
import { bytesOf, type RepositoryUsage } from "../../../../oci-http/store/measure-repositories.ts";
import type { InContext } from "../../../requests/web-context.ts";
import { ConsoleCommand } from "../console-command.tsx";
import { Size } from "../size.tsx";
import { Shares, Swatch } from "./bars.tsx";

const SHOWN = 20;

interface MeasuredProps extends InContext {
  readonly measured: SpaceMeasurement;
}

/** The sums. */
export function Totals({ measured }: Pick<MeasuredProps, "measured">) {
  const { storedBytes, manifestBytes, blobs, repositories, tags, manifests, named } = measured;
  const whole = named ? named.namedBytes + named.savedBytes : 0;
  return (
    <section class="section" aria-labelledby="totals">
      <h2 id="totals">In all</h2>
      <dl class="facts">
        {storedBytes !== undefined && (
          <>
            <dt>Stored</dt>
            <dd>
              <Size bytes={storedBytes + manifestBytes} /> in {counted(blobs ?? 0, "blob")} and{" "}
              {counted(manifests, "manifest")}
            </dd>
          </>
        )}
        <dt>Content</dt>
        <dd>
          {counted(repositories, "repository", "repositories")}, {counted(tags, "tag")}
        </dd>
        {named && (
          <>
            <dt>Saved by sharing</dt>
            <dd>
              <Size bytes={named.savedBytes} />
              {whole > 0 && `, ${percent(named.savedBytes / whole)} of what copies would take`}
            </dd>
          </>
        )}
      </dl>
      {named && whole > 0 && (
        <>
          <Shares
            label="What is stored, and what sharing saves"
            most={whole}
            parts={[
              { bytes: named.namedBytes, mark: "mark-1" },
              { bytes: named.savedBytes, mark: "mark-soft" },
            ]}
          />
          <p class="small soft">
            Each blob is stored once. If every manifest had its own copies, these would take{" "}
            <Size bytes={whole} />.
          </p>
        </>
      )}
    </section>
  );
}

function percent(part: number): string {
  return `${Math.round(part * 100)}%`;
}

/** The largest repositories, with what is their own and what others share. */
export function Largest({ context, measured }: MeasuredProps) {
  const { named } = measured;
  if (!named) return <p class="notice">The repositories are still being measured; look again later.</p>;
  const [first] = named.repositories;
  if (!first) return null;
  const most = bytesOf(first);
  const shown = named.repositories.slice(0, SHOWN);
  const left = measured.repositories - shown.length;
  return (
    <section class="section" aria-labelledby="largest">
      <h2 id="largest">Largest repositories</h2>
      <div class="table">
        <table>
          <thead>
            <tr>
              <th scope="col">Repository</th>
              <th scope="col" class="wide bar">
                Own and shared
              </th>
              <th scope="col" class="number">
                <Swatch mark="mark-1" /> Own
              </th>
              <th scope="col" class="number">
                <Swatch mark="mark-2" /> Shared
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((usage) => (
              <UsageRow key={usage.repository} context={context} usage={usage} most={most} />
            ))}
          </tbody>
        </table>
      </div>
      <p class="small soft">
        Own bytes are those of blobs that no other repository names: a deletion frees them in the end. Shared
        ones stay.{" "}
        {left > 0 && (
          <a href={context.links.now("/", { sort: "size", descending: true })}>
            {left.toLocaleString("en")} smaller repositories
          </a>
        )}
      </p>
    </section>
  );
}

interface UsageRowProps extends InContext {
  readonly usage: RepositoryUsage;
  readonly most: number;
}

function UsageRow({ context, usage, most }: UsageRowProps) {
  const { repository, sharedBytes, manifestBytes } = usage;
  const own = usage.ownBytes + manifestBytes;
  return (
    <tr>
      <th scope="row">
        <a href={context.links.now(`/repositories/${repository}`)}>{repository}</a>
      </th>
      <td class="wide bar">
        <Shares
          label={`${repository}: own and shared bytes`}
          most={most}
          parts={[
            { bytes: own, mark: "mark-1" },
            { bytes: sharedBytes, mark: "mark-2" },
          ]}
        />
      </td>
      <td class="number">
        <Size bytes={own} />
      </td>
      <td class="number">
        <Size bytes={sharedBytes} />
      </td>
    </tr>
  );
}

/** What the rules and gc would remove, and why. */
export function Removable({ context, measured }: MeasuredProps) {
  const { cleanup, garbage } = measured;
  const { name, cleanup: rules } = context.config;
  return (
    <section class="section" aria-labelledby="removable">
      <h2 id="removable">What the next clean-up removes</h2>
      {rules.length === 0 ? (
        <div class="empty">
          <p>This registry has no clean-up rules. One that keeps the ten newest tags of each repository:</p>
          <ConsoleCommand context={context} command={`/oci set ${name} cleanup=**,newest=10`} />
        </div>
      ) : !cleanup ? (
        <p>What the rules would delete is not known: it took too long to find out.</p>
      ) : cleanup.tags + cleanup.manifests === 0 ? (
        <p>The rules would delete nothing now.</p>
      ) : (
        <CleanupList context={context} cleanup={cleanup} />
      )}
      {garbage && garbage.blobs > 0 && (
        <p>
          {counted(garbage.blobs, "blob")} (<Size bytes={garbage.bytes} />
          ): needed by no manifest and no retained state: gc removes them once their grace time is over.
        </p>
      )}
      {garbage && garbage.blobs === 0 && <p>Every stored blob is needed.</p>}
      <ConsoleCommand context={context} command="/jobs run gc --dry-run" />
    </section>
  );
}

interface CleanupListProps extends InContext {
  readonly cleanup: NonNullable<SpaceMeasurement["cleanup"]>;
}

function CleanupList({ context, cleanup: { tags, manifests, named } }: CleanupListProps) {
  const left = tags + manifests - Math.min(named.length, SHOWN);
  return (
    <>
      <p>
        {[
          ...(tags > 0 ? [counted(tags, "tag")] : []),
          ...(manifests > 0 ? [counted(manifests, "manifest")] : []),
        ].join(" and ")}
        :
      </p>
      <div class="table">
        <table>
          <thead>
            <tr>
              <th scope="col">Tag or manifest</th>
              <th scope="col">Rule</th>
            </tr>
          </thead>
          <tbody>
            {named.slice(0, SHOWN).map(({ repository, reference, rule }) => {
              const kind = reference.includes(":") ? "manifests" : "tags";
              return (
                <tr key={`${repository} ${reference}`}>
                  <th scope="row">
                    <a href={context.links.now(`/repositories/${repository}/-/${kind}/${reference}`)}>
                      {repository}
                      {kind === "tags" ? `:${reference}` : `@${reference.slice(0, 19)}`}
                    </a>
                  </th>
                  <td class="mono">{rule}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {left > 0 && <p class="small soft">and {left.toLocaleString("en")} more</p>}
    </>
  );
}
