import { describe, expect, test } from "bun:test";
import { Glob } from "bun";
import { adversarialTexts, regexLiterals, stepsToFind, TooManySteps } from "./support/backtracking.ts";

const SOURCE = `${import.meta.dir}/../src`;
const LENGTH = 128;
/** For each character of the text. */
const STEPS_PER_CHARACTER = 60;

/** The most steps that an expression takes for a text of a length. */
function worstSteps(regex: RegExp, length: number): { steps: number; text: string } {
  let worst = { steps: 0, text: "" };
  for (const text of adversarialTexts(regex, length)) {
    const steps = stepsToFind(regex, text, 1_000_000);
    if (steps > worst.steps) worst = { steps, text };
  }
  return worst;
}

describe("the count of steps", () => {
  test("finds expressions that take exponential time, and those that take the square", () => {
    for (const regex of [/^(a+)+$/, /^([a-z]|[a-c]x?)*$/, /^(\w+\s?)*$/, /^(a|aa)+$/])
      expect(() => worstSteps(regex, LENGTH)).toThrow(TooManySteps);
    for (const regex of [/=+$/, /\S*\s*$/, /^a*a*$/]) {
      expect(worstSteps(regex, LENGTH).steps).toBeGreaterThan((LENGTH * LENGTH) / 4);
    }
    expect(worstSteps(/^[a-z]+(-[a-z]+)*$/, LENGTH).steps).toBeLessThan(STEPS_PER_CHARACTER * LENGTH);
  });

  test("is of what the runtime matches", () => {
    for (const [regex, text] of [
      [/^a(b|c)*d?$/, "abcbcd"],
      [/x{2,3}y/, "axxxy"],
      [/(?=ab)a.c/, "zabc"],
    ] as const)
      expect(stepsToFind(regex, text, 1000)).toBeGreaterThan(0);
  });
});

const JSX = new Bun.Transpiler({ loader: "tsx" });

test("no expression of the program takes more steps than a multiple of its text's length", async () => {
  const wrong: string[] = [];
  const unseen: string[] = [];
  let count = 0;
  for await (const path of new Glob("**/*.{ts,tsx}").scan(SOURCE)) {
    const text = await Bun.file(`${SOURCE}/${path}`).text();
    // In JSX, a slash of an element or a text would look like the begin of an expression.
    const source = path.endsWith(".tsx") ? JSX.transformSync(text) : text;
    if (source.includes("new RegExp(")) unseen.push(path);
    for (const regex of regexLiterals(source)) {
      count++;
      try {
        const { steps, text } = worstSteps(regex, LENGTH);
        if (steps > STEPS_PER_CHARACTER * text.length)
          wrong.push(`${path}: ${regex}: ${steps} steps for ${JSON.stringify(text)}`);
      } catch (error) {
        wrong.push(`${path}: ${regex}: ${error}`);
      }
    }
  }
  expect(wrong).toEqual([]);
  expect(count).toBeGreaterThan(60);
  // One that is put together is not found; this one repeats nothing.
  expect(unseen).toEqual(["primitives/text/visible-text.ts"]);
});
