import { afterEach, beforeEach } from "bun:test";
import { noteBegin, noteEnd } from "./cleanup.ts";

// Here it holds for every file; in a module that tests import, it would hold for the first of them alone.
beforeEach(noteBegin);
afterEach(noteEnd);

// Renamed, because a server that is started with `env: process.env` warns of variables that are not settings. Without `env`, a
// process gets the variables that this one was started with.
const required = process.env["EVERLOCK_REQUIRE_CLIENTS"];
if (required !== undefined) {
  process.env["REQUIRE_CLIENTS"] = required;
  delete process.env["EVERLOCK_REQUIRE_CLIENTS"];
}
