import { nearest } from "../../primitives/text/nearest.ts";
import { splitWords, type Word } from "./command-line.ts";
import { COMMANDS, scopeWithoutSlash } from "./command-table.ts";
import type { Command } from "./commands/command.ts";
import { JSON_FLAG } from "./json-lines.ts";

const SCOPES: readonly string[] = [...new Set(COMMANDS.map(({ scope }) => scope))];

/** Words such as `--yes`, which may stand anywhere in a command. */
const FLAGS: ReadonlySet<string> = new Set([
  JSON_FLAG,
  ...COMMANDS.flatMap(({ parameters, repeats = [] }) => [
    ...parameters.map(({ name }) => name).filter((name) => /^--\w/.test(name)),
    ...repeats.map(({ flag }) => flag),
  ]),
]);

/** A setting whose value is a credential. */
const SECRET_SETTING = /^[\w-]*(?:passw|secret|credential|token)[\w-]*=/i;

/**
 * The line as the history may keep it: without passwords. `undefined` if nothing may be kept, because what is no command may be a
 * password that was typed at the wrong prompt. Of a mistyped command, what may be a password is left out too.
 */
export function historyLine(line: string, isLogin: (word: string) => boolean): string | undefined {
  const [first, ...words] = wordsOf(line);
  if (first === undefined) return undefined;
  const commands = commandsMeant(first.text);
  if (commands === undefined) return first.text.startsWith("/") ? first.text : undefined;
  const named = words.filter(({ text }) => !FLAGS.has(text));
  const verb = named.at(0)?.text;
  const chosen = commands.filter((command) => command.verb === verb);
  const count = shownWords(chosen.length > 0 ? chosen : commands, (at) => isLogin(named[at]?.text ?? ""));
  const shown = new Set(named.slice(0, count));
  const kept = words.filter((word) => shown.has(word) || FLAGS.has(word.text));
  const texts = [first, ...kept].map(({ start, end }) => withoutSecret(line.slice(start, end)));
  return texts.join(" ");
}

/** The commands of the scope that a word names, or most likely means; `undefined` if it means none. */
function commandsMeant(word: string): readonly Command[] | undefined {
  const isMarked = word.startsWith("/");
  const name = scopeWithoutSlash(word) ?? (isMarked ? word.slice(1) : word);
  const scope = SCOPES.includes(name) || !isMarked ? name : nearest(name, SCOPES);
  const commands = COMMANDS.filter((command) => command.scope === scope);
  return commands.length > 0 ? commands : undefined;
}

/** How many words after the scope come before the first that may be a secret, of any of the commands. */
function shownWords(commands: readonly Command[], isLogin: (at: number) => boolean): number {
  return commands.reduce((fewest, { verb, parameters }) => {
    const before = verb === undefined ? 0 : 1;
    const secret = parameters.findIndex(({ isSecret }) => isSecret);
    if (secret < 0) return fewest;
    // Where the login may be left out, the word in its place may be the secret.
    const first = parameters.findIndex(
      ({ optional }, at) => optional && at < secret && !isLogin(before + at),
    );
    return Math.min(fewest, before + (first < 0 ? secret : first));
  }, Number.POSITIVE_INFINITY);
}

function withoutSecret(word: string): string {
  return word.match(SECRET_SETTING)?.[0] ?? word;
}

/** The words of a line, also of one that can't be split, such as one with an open quote. */
function wordsOf(line: string): readonly Word[] {
  try {
    return splitWords(line);
  } catch {
    return [...line.matchAll(/\S+/g)].map(({ 0: text, index }) => ({
      text,
      start: index,
      end: index + text.length,
    }));
  }
}
