import type { LogRecord } from "../../../oci-http/operations/log.ts";
import { eventKind } from "../../../oci-http/operations/log-page.ts";
import type { InContext } from "../../requests/web-context.ts";
import { TagText } from "./tag-text.tsx";

/** Most tags of a subject that are links. */
const MAX_LINKED = 10;

type Subject = Pick<LogRecord, "subject" | "repository" | "tags">;

/** What a commit did: its subject, in which repository and tags are links. */
export function EventText({ context, event }: InContext & { readonly event: Subject }) {
  const { subject, repository, tags } = event;
  const at = repository === undefined ? -1 : subject.lastIndexOf(repository);
  if (repository === undefined || at < 0) return <>{subject}</>;
  const rest = subject.slice(at + repository.length);
  const names = tags.map(({ tag }) => tag as string);
  const isDeleted = eventKind(subject) === "delete" || eventKind(subject) === "cleanup";
  const hrefOf = (tag: string) =>
    isDeleted
      ? context.links.repository(repository, `/-/tags/${tag}/moves`)
      : context.links.tag(repository, tag);
  const shown = rest.startsWith(":") ? rest.slice(1).split(", ") : [];
  const isListed =
    shown.length > 0 && shown.length <= MAX_LINKED && shown.every((tag) => names.includes(tag));
  return (
    <>
      {subject.slice(0, at)}
      <a href={context.links.repository(repository)}>{repository}</a>
      {isListed
        ? shown.map((tag, i) => (
            <span key={tag}>
              {i === 0 ? ":" : ", "}
              <a href={hrefOf(tag)}>
                <TagText tag={tag} />
              </a>
            </span>
          ))
        : rest}
    </>
  );
}
