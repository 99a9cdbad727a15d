import { expect, test } from "bun:test";
import { Outage } from "../../../src/primitives/s3/outage.ts";

function open() {
  let now = 0;
  const memory = Outage.memory();
  const outage = new Outage(memory, () => now);
  const failFor = (ms: number) => {
    now += ms;
    outage.failed(ms);
  };
  const pass = (ms: number) => {
    now += ms;
  };
  return { outage, otherThread: new Outage(memory, () => now), failFor, pass };
}

test("a server that gave no answer for some seconds is away, until it answers", () => {
  const { outage, failFor } = open();
  failFor(3000);
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

test("requests that get no answer while others do are no outage", () => {
  const { outage, failFor, pass } = open();
  pass(4000);
  outage.answered();
  pass(1000);
  outage.failed(5000);
  expect(outage.isOn).toBe(false);
  failFor(3000);
  expect(outage.isOn).toBe(true);
});

test("two failures with a long rest between them are no outage", () => {
  const { outage, failFor, pass } = open();
  failFor(1);
  pass(60_000);
  failFor(1);
  expect(outage.isOn).toBe(false);
});

test("a server that was away and was not asked for long is given time again", () => {
  const { outage, failFor, pass } = open();
  failFor(5000);
  pass(30_000);
  expect(outage.isOn).toBe(false);
});

test("while a server is away, all threads know it, and one of them looks each second whether it is back", () => {
  const { outage, otherThread, failFor, pass } = open();
  failFor(3000);
  expect(otherThread.isOn).toBe(true);
  expect([outage.isLookDue(), outage.isLookDue(), otherThread.isLookDue()]).toEqual([true, false, false]);
  pass(1000);
  expect([otherThread.isLookDue(), outage.isLookDue()]).toEqual([true, false]);
  otherThread.answered();
  expect(outage.isOn).toBe(false);
});
