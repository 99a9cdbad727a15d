import { afterEach, beforeEach } from "bun:test";
import { noteBegin, noteEnd } from "./cleanup.ts";

// Here it holds for every file; in a module that tests import, it would hold for the first of them alone.
beforeEach(noteBegin);
afterEach(noteEnd);
