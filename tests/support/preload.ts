import { afterEach, beforeEach } from "bun:test";
import { noteBegin, noteEnd } from "./cleanup.ts";

// Here it holds for every file; in a module that tests import, it would hold for the first of them alone.
beforeEach(noteBegin);
afterEach(noteEnd);

// Renamed, because a server that is started with `env: process.env` warns of variables that are not settings. Without `env`, a
// process gets the variables that this one was started with.
for (const name of ["REQUIRE_CLIENTS", "TEST_NODES", "ALL_ON_NODES", "TEST_S3"]) {
  const value = process.env[`EVERLOCK_${name}`];
  if (value === undefined) continue;
  process.env[name] = value;
  delete process.env[`EVERLOCK_${name}`];
}
