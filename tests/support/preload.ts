import { afterEach, beforeEach } from "bun:test";
import { noteBegin, noteEnd } from "./cleanup.ts";

// Here it holds for every file; in a module that tests import, it would hold for the first of them alone.
beforeEach(noteBegin);
afterEach(noteEnd);

// Renamed, because servers that tests start inherit the environment and warn of variables that are not settings.
const required = process.env["EVERLOCK_REQUIRE_CLIENTS"];
if (required !== undefined) {
  process.env["REQUIRE_CLIENTS"] = required;
  delete process.env["EVERLOCK_REQUIRE_CLIENTS"];
}
