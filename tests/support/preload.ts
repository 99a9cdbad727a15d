import { afterEach } from "bun:test";
import { cleanUp } from "./cleanup.ts";

// Here it holds for every file; in a module that tests import, it would hold for the first of them alone.
afterEach(cleanUp);
