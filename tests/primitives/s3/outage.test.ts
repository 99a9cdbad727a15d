import { expect, test } from "bun:test";
import { Outage } from "../../../src/primitives/s3/outage.ts";

function open() {
  let now = 0;
  const outage = new Outage(() => now);
  const failFor = (ms: number) => {
    const began = now;
    now += ms;
    outage.failed(began);
  };
  const pass = (ms: number) => {
    now += ms;
  };
  return { outage, failFor, pass };
}

test("a server that gave no answer for some seconds is away, until it answers", () => {
  const { outage, failFor } = open();
  failFor(5000);
  expect([outage.isOn, outage.patience(20_000)]).toEqual([true, 2000]);
  outage.answered();
  expect([outage.isOn, outage.patience(20_000)]).toEqual([false, 20_000]);
});

test("a burst of failures is no outage; failures without end are", () => {
  const { outage, failFor, pass } = open();
  for (let i = 0; i < 50; i++) failFor(1);
  expect(outage.isOn).toBe(false);
  pass(3000);
  failFor(1);
  expect(outage.isOn).toBe(true);
});

test("a server that was away and was not asked for long is given time again", () => {
  const { outage, failFor, pass } = open();
  failFor(5000);
  pass(30_000);
  expect(outage.isOn).toBe(false);
});
