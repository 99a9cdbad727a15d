import type { LogRecord } from "../../../oci-http/operations/log.ts";
import { eventKind } from "../../../oci-http/operations/log-page.ts";
import type { InContext } from "../../requests/web-context.ts";
import { CommitLink } from "./commit-link.tsx";
import { DigestText } from "./digest-text.tsx";
import { EventText } from "./event-text.tsx";
import { Time } from "./time.tsx";

/** Commits, the newest first. */
export function LogTable({ context, entries }: InContext & { readonly entries: readonly LogRecord[] }) {
  return (
    <div class="table">
      <table>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Who</th>
            <th scope="col">What</th>
            <th scope="col" class="wide">
              Digest
            </th>
            <th scope="col" class="wide">
              Client
            </th>
            <th scope="col" class="wide">
              Commit
            </th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <Row key={entry.commitId} context={context} entry={entry} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ context, entry }: InContext & { readonly entry: LogRecord }) {
  const { commitId, time, user, client } = entry;
  return (
    <tr>
      <td>
        <a href={context.links.to(`/commits/${commitId}`)}>
          <Time date={time} />
        </a>
      </td>
      <td>{user}</td>
      <td class="text">
        <EventText context={context} event={entry} />
      </td>
      <td class="wide">
        <EventDigest context={context} entry={entry} />
      </td>
      <td class="wide client small soft">{client}</td>
      <td class="wide">
        <CommitLink context={context} commit={commitId} />
      </td>
    </tr>
  );
}

/** As of the commit, the manifest was there, even if it was deleted since. */
function EventDigest({ context, entry }: InContext & { readonly entry: LogRecord }) {
  const { commitId, subject, repository, digest } = entry;
  if (!digest) return null;
  if (!repository || eventKind(subject) === "delete") return <DigestText digest={digest} />;
  return (
    <a href={context.links.manifest(repository, digest, { at: commitId })}>
      <DigestText digest={digest} />
    </a>
  );
}
