/** A part of a regular expression. */
type Node =
  | { readonly kind: "character"; matches(character: string): boolean; readonly samples: readonly string[] }
  | { readonly kind: "sequence" | "choice"; readonly parts: readonly Node[] }
  | {
      readonly kind: "repeat";
      readonly part: Node;
      readonly min: number;
      readonly max: number;
      readonly isLazy: boolean;
    }
  | { readonly kind: "look"; readonly part: Node; readonly isNegated: boolean }
  | { readonly kind: "start" | "end" | "nothing" };

/** What is tried as a member of a class. */
const CHARACTERS = [..."az09AZ-._:/=+,;[]()<>\"'!?~ \n\t", "\u0000", "\u001b", "\u200d", "é"];
const MAX_SAMPLES = 3;

class Parser {
  readonly #source: string;
  readonly #flags: string;
  #at = 0;

  constructor({ source, flags }: RegExp) {
    this.#source = source;
    this.#flags = flags.replaceAll(/[gy]/g, "");
  }

  parse(): Node {
    const node = this.#choice();
    if (this.#at < this.#source.length) throw new Error(`can't read /${this.#source}/ at ${this.#at}`);
    return node;
  }

  #takes(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #choice(): Node {
    const parts = [this.#sequence()];
    while (this.#takes("|")) parts.push(this.#sequence());
    return parts.length === 1 && parts[0] ? parts[0] : { kind: "choice", parts };
  }

  #sequence(): Node {
    const parts: Node[] = [];
    while (this.#at < this.#source.length && !/[|)]/.test(this.#source.charAt(this.#at)))
      parts.push(this.#repeated(this.#atom()));
    return { kind: "sequence", parts };
  }

  #repeated(part: Node): Node {
    const quantifier = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})/.exec(this.#source.slice(this.#at));
    if (!quantifier) return part;
    const [text, low, comma, high] = quantifier;
    this.#at += text.length;
    const min = low === undefined ? (text === "+" ? 1 : 0) : Number(low);
    const most = low === undefined ? (text === "?" ? 1 : undefined) : comma ? high && Number(high) : min;
    return { kind: "repeat", part, min, max: Number(most || Infinity), isLazy: this.#takes("?") };
  }

  #atom(): Node {
    if (this.#takes("^")) return { kind: "start" };
    if (this.#takes("$")) return { kind: "end" };
    if (this.#takes("(?=") || this.#takes("(?<=")) return this.#look(false);
    if (this.#takes("(?!") || this.#takes("(?<!")) return this.#look(true);
    if (this.#takes("(?:") || this.#takes("(")) return this.#group();
    return this.#character();
  }

  #group(): Node {
    const node = this.#choice();
    if (!this.#takes(")")) throw new Error(`a group of /${this.#source}/ is not closed`);
    return node;
  }

  /** What stands behind is not looked at: no more than nothing is done for it. */
  #look(isNegated: boolean): Node {
    const isBehind = this.#source.charAt(this.#at - 2) === "<";
    const part = this.#group();
    return isBehind ? { kind: "nothing" } : { kind: "look", part, isNegated };
  }

  /** A class, an escape or a plain character: what it matches the runtime itself tells. */
  #character(): Node {
    const rest = this.#source.slice(this.#at);
    const [text = ""] =
      /^(?:\[(?:\\.|[^\]\\])*\]|\\(?:u\{[0-9a-f]+\}|u[0-9a-f]{4}|x[0-9a-f]{2}|p\{\w+\}|.)|[\s\S])/iu.exec(
        rest,
      ) ?? [];
    this.#at += text.length;
    const known = new RegExp(`^(?:${text})$`, this.#flags);
    const matches = (character: string) => known.test(character);
    const samples = [text, ...CHARACTERS].filter((one) => [...one].length === 1 && matches(one));
    return { kind: "character", matches, samples: [...new Set(samples)].slice(0, MAX_SAMPLES) };
  }
}

/** A search was given up. */
export class TooManySteps extends Error {}

/** How many steps an engine that tries one way after the other takes to look for `regex` in `text`. */
export function stepsToFind(regex: RegExp, text: string, limit: number): number {
  const root = new Parser(regex).parse();
  let steps = 0;
  const step = () => {
    if (++steps > limit) throw new TooManySteps(`more than ${limit} steps`);
  };
  const match = (node: Node, at: number, then: (at: number) => boolean): boolean => {
    step();
    switch (node.kind) {
      case "character":
        return at < text.length && node.matches(text.charAt(at)) && then(at + 1);
      case "sequence": {
        const from = (i: number, position: number): boolean => {
          const part = node.parts[i];
          return part ? match(part, position, (next) => from(i + 1, next)) : then(position);
        };
        return from(0, at);
      }
      case "choice":
        return node.parts.some((part) => match(part, at, then));
      case "repeat": {
        const again = (count: number, position: number): boolean => {
          const more = () =>
            count < node.max &&
            match(node.part, position, (next) => next > position && again(count + 1, next));
          if (count < node.min) return more();
          return node.isLazy ? then(position) || more() : more() || then(position);
        };
        return again(0, at);
      }
      case "look":
        return match(node.part, at, () => true) !== node.isNegated && then(at);
      case "start":
        return at === 0 && then(at);
      case "end":
        return at === text.length && then(at);
      case "nothing":
        return then(at);
    }
  };
  const lastStart = regex.sticky ? 0 : text.length;
  for (let start = 0; start <= lastStart; start++) if (match(root, start, () => true)) break;
  return steps;
}

/** A few texts that a part matches, the shortest first. */
function samplesOf(node: Node): readonly string[] {
  switch (node.kind) {
    case "character":
      return node.samples;
    case "choice":
      return node.parts.flatMap(samplesOf).slice(0, 2 * MAX_SAMPLES);
    case "sequence": {
      let all = [""];
      for (const part of node.parts)
        all = all.flatMap((text) => samplesOf(part).map((more) => text + more)).slice(0, 2 * MAX_SAMPLES);
      return all;
    }
    case "repeat": {
      const one = samplesOf(node.part);
      const [first = ""] = one;
      const least = first.repeat(node.min);
      return [...new Set([least, ...(node.max > node.min ? one.map((text) => least + text) : [])])];
    }
    default:
      return [""];
  }
}

/** Every repetition, with what leads to it. */
function* repetitions(node: Node, prefix: string): Generator<{ prefix: string; part: Node }> {
  if (node.kind === "repeat") {
    if (node.max > 1) yield { prefix, part: node.part };
    yield* repetitions(node.part, prefix);
  } else if (node.kind === "look") {
    yield* repetitions(node.part, prefix);
  } else if (node.kind === "choice") {
    for (const part of node.parts) yield* repetitions(part, prefix);
  } else if (node.kind === "sequence") {
    let before = prefix;
    for (const part of node.parts) {
      yield* repetitions(part, before);
      before += samplesOf(part)[0] ?? "";
    }
  }
}

/** What may follow what is repeated, for the match to fail there. */
const ENDS = ["\u0000", "!", "\n", ""];

/** Texts of about `length` characters that repeat what the expression repeats, and then do not match. */
export function adversarialTexts(regex: RegExp, length: number): string[] {
  const texts = new Set<string>();
  for (const { prefix, part } of repetitions(new Parser(regex).parse(), "")) {
    const pumps = samplesOf(part).filter((text) => text !== "");
    const pairs = pumps.flatMap((a) => pumps.map((b) => (a === b ? a : a + b)));
    for (const pump of new Set(pairs)) {
      const pumped = pump.repeat(Math.ceil(length / pump.length));
      for (const end of ENDS) texts.add(prefix + pumped + end);
      // An expression without a beginning is tried from everywhere.
      texts.add(`${pumped}\u0000`);
    }
  }
  return [...texts];
}

/** A literal, from its first slash on. */
const LITERAL = /\/((?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+)\/([dgimsuvy]*)/y;
/** What ends before a literal, rather than before a division. */
const BEFORE_LITERAL = /(?:^|[(,=:[!&|?{};<>]|\breturn)\s*$/;
const SKIPPED = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/y;

/** The regular expressions that a source file holds as literals, also within templates. */
export function regexLiterals(source: string): RegExp[] {
  const found: RegExp[] = [];
  const matchAt = (pattern: RegExp, at: number) => {
    pattern.lastIndex = at;
    return pattern.exec(source);
  };
  /** Of code up to the brace that closes it, or the end; answers where that is. */
  const readCode = (start: number): number => {
    let depth = 0;
    for (let at = start; at < source.length; ) {
      const skipped = matchAt(SKIPPED, at);
      const literal = BEFORE_LITERAL.test(source.slice(Math.max(0, at - 100), at)) && matchAt(LITERAL, at);
      const character = source.charAt(at);
      if (skipped) at += skipped[0].length;
      else if (literal) {
        found.push(new RegExp(literal[1] ?? "", literal[2]));
        at += literal[0].length;
      } else if (character === "`") at = readTemplate(at + 1);
      else if (character === "}" && depth-- === 0) return at + 1;
      else {
        if (character === "{") depth++;
        at++;
      }
    }
    return source.length;
  };
  const readTemplate = (start: number): number => {
    for (let at = start; at < source.length; ) {
      if (source.startsWith("${", at)) at = readCode(at + 2);
      else if (source.charAt(at) === "`") return at + 1;
      else at += source.charAt(at) === "\\" ? 2 : 1;
    }
    return source.length;
  };
  readCode(0);
  return found;
}
