import { describe, expect, test } from "bun:test";
import type { Logger } from "../../src/primitives/logging/logger.ts";
import { SharedText } from "../../src/primitives/threads/shared-text.ts";
import { endOnSignals } from "../../src/server/end-signals.ts";
import { EndRequested, Lifetime } from "../../src/server/lifetime.ts";
import type { WatchdogMessage } from "../../src/server/stop-watchdog.ts";
import { afterThisTest } from "../support/cleanup.ts";

function memoryLog() {
  const lines: string[] = [];
  const log: Logger = {
    info: (message) => void lines.push(message),
    warn: (message) => void lines.push(message),
    error: (message, cause) =>
      void lines.push(`${message}: ${cause instanceof Error ? cause.message : cause}`),
  };
  return { log, lines };
}

describe("a lifetime", () => {
  test("ends each step after those that it waits for, and at the same time steps that do not wait for each other", async () => {
    const lifetime = new Lifetime();
    const ended: string[] = [];
    const isEnded = (name: string) => () => void ended.push(name);
    const gate = Promise.withResolvers<void>();
    const sshEnded = Promise.withResolvers<void>();
    lifetime.defer("directory", isEnded("directory"), ["stores"]);
    lifetime.defer("stores", undefined, ["HTTP", "SSH", "never started"]);
    lifetime.defer("HTTP", () => gate.promise.then(isEnded("HTTP")));
    lifetime.defer("SSH", () => {
      ended.push("SSH");
      sshEnded.resolve();
    });
    const end = lifetime.end(memoryLog().log);
    await sshEnded.promise;
    expect(ended).toEqual(["SSH"]);
    expect(lifetime.running).toContain("HTTP");
    gate.resolve();
    await end;
    expect([ended, lifetime.running]).toEqual([["SSH", "HTTP", "directory"], []]);
    await lifetime.end(memoryLog().log);
    expect(ended).toHaveLength(3);
  });

  test("reports what can't be ended, and ends the rest", async () => {
    const lifetime = new Lifetime();
    const { log, lines } = memoryLog();
    let isReleased = false;
    lifetime.defer("the directory", () => {
      isReleased = true;
    });
    lifetime.defer("the store", () => {
      throw new Error("no space left");
    });
    await lifetime.end(log);
    expect([isReleased, lines]).toEqual([true, ["the store could not be ended: no space left"]]);
  });

  test("refuses two steps of one name, of which one would never be ended", () => {
    const lifetime = new Lifetime();
    lifetime.defer("HTTP", () => undefined);
    expect(() => lifetime.defer("HTTP", () => undefined)).toThrow("two steps are named 'HTTP'");
  });

  test("starts nothing more once its end was asked for", async () => {
    const lifetime = new Lifetime();
    expect(await lifetime.start("one", () => 1)).toBe(1);
    lifetime.requestEnd();
    let isStarted = false;
    const starting = lifetime.start("two", () => {
      isStarted = true;
    });
    expect(await starting.catch((error) => error)).toBeInstanceOf(EndRequested);
    expect(isStarted).toBe(false);
  });
});

describe("signals", () => {
  function listen(deadlineMs: number, failsToStart?: () => never) {
    const before = new Set([...process.listeners("SIGTERM"), ...process.listeners("SIGINT")]);
    const lifetime = new Lifetime();
    const { log, lines } = memoryLog();
    const exited = Promise.withResolvers<number>();
    const codes: number[] = [];
    const exit = (code: number) => {
      codes.push(code);
      exited.resolve(code);
    };
    const told: WatchdogMessage[] = [];
    const startWatchdog =
      failsToStart ?? (() => ({ postMessage: (message: WatchdogMessage) => void told.push(message) }));
    const asked = endOnSignals(lifetime, { deadlineMs, log, exit, startWatchdog });
    afterThisTest(() => {
      for (const signal of ["SIGTERM", "SIGINT"] as const)
        for (const listener of process.listeners(signal))
          if (!before.has(listener)) process.removeListener(signal, listener);
    });
    return { lifetime, lines, asked, exited: exited.promise, codes, told };
  }

  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s asks for the end, and a second one ends at once",
    async (signal) => {
      const { lifetime, asked, codes } = listen(60_000);
      process.emit(signal);
      await asked;
      expect([lifetime.signal.aborted, codes]).toEqual([true, []]);
      process.emit(signal);
      expect(codes).toEqual([130]);
    },
  );

  test("cut off what hangs, and name it", async () => {
    const { lifetime, lines, exited } = listen(20);
    lifetime.defer("HTTP", () => new Promise(() => undefined));
    process.emit("SIGTERM");
    void lifetime.end(memoryLog().log);
    expect(await exited).toBe(1);
    expect(lines).toEqual(["the server has not ended within 0.02 s and is cut off; still under way: HTTP"]);
  });

  test("are not needed for the deadline of a stop, as after a failed start", async () => {
    const { lifetime, lines, exited, told } = listen(20);
    lifetime.defer("the store", () => new Promise(() => undefined));
    void lifetime.end(memoryLog().log);
    expect(await exited).toBe(1);
    expect(lines).toEqual([
      "the server has not ended within 0.02 s and is cut off; still under way: the store",
    ]);
    expect(told).toHaveLength(1);
  });

  test("stop the server also where no watchdog can be started", async () => {
    const { lifetime, lines, exited, asked } = listen(20, () => {
      throw new Error("no thread is left");
    });
    lifetime.defer("HTTP", () => new Promise(() => undefined));
    process.emit("SIGTERM");
    await asked;
    void lifetime.end(memoryLog().log);
    expect(await exited).toBe(1);
    expect(lines[0]).toBe("no watchdog could be started for the stop: no thread is left");
  });

  test("start a watchdog that knows what is under way, for when the main thread hangs", async () => {
    const { lifetime, told, asked } = listen(60_000);
    const shown: string[] = [];
    const show = () => void shown.push(told[0] ? new SharedText(told[0].running).read() : "none");
    lifetime.defer("the users", show, ["HTTP"]);
    lifetime.defer("HTTP", show);
    lifetime.defer("SSH", () => undefined);
    show();
    process.emit("SIGTERM");
    await asked;
    show();
    await lifetime.end(memoryLog().log);
    show();
    expect(told.map(({ deadlineMs }) => deadlineMs)).toEqual([61_000]);
    expect(shown).toEqual(["none", "", "HTTP", "the users", ""]);
  });
});
