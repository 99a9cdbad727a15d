import { expect, test } from "bun:test";
import { SSH_LIMITS, sshLimits } from "../../../src/frontends/ssh/ssh-limits.ts";

test.each([Number.POSITIVE_INFINITY, 1_048_576, 8192])(
  "with %p files the limits are the usual ones",
  (files) => {
    expect(sshLimits(files)).toEqual(SSH_LIMITS);
  },
);

test("under a low limit on open files, SSH connections leave most of them free", () => {
  expect(sshLimits(1024)).toEqual({
    ...SSH_LIMITS,
    waiting: 32,
    waitingPerNetwork: 8,
    loggedIn: 32,
    loggedInPerUser: 8,
    reservedForAdministrators: 8,
  });
  expect(sshLimits(64)).toMatchObject({ waiting: 16, waitingPerNetwork: 4, loggedIn: 16 });
});
