/** A trailer of a commit message, such as `Tag: demo`. */
export type Trailer = readonly [key: string, value: string];

/** A subject line and trailers in the format of `git interpret-trailers`. */
export interface CommitMessage {
  readonly subject: string;
  readonly trailers: readonly Trailer[];
}

/** Control characters become question marks, because a line end would begin another trailer. */
export function formatCommitMessage({ subject, trailers }: CommitMessage): string {
  const lines = trailers.map(([key, value]) => `${key}: ${onOneLine(value)}`);
  return [onOneLine(subject), ...(lines.length > 0 ? ["", ...lines] : [])].join("\n");
}

/** Parses every line below the subject that has the form of a trailer, anywhere; other lines are ignored. */
export function parseCommitMessage(message: string): CommitMessage {
  const [subject = "", ...lines] = message.trimEnd().split("\n");
  const trailers: Trailer[] = [];
  for (const line of lines) {
    const [, key, value] = line.match(TRAILER) ?? [];
    if (key !== undefined && value !== undefined) trailers.push([key, value]);
  }
  return { subject, trailers };
}

const TRAILER = /^([A-Z][A-Za-z-]*): (.+)$/;

function onOneLine(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f]/g, "?");
}
