import { parseLeaseName } from "../../src/primitives/store/engine/leases.ts";
import { LocalEngine } from "../../src/primitives/store/engine/local/local-engine.ts";

// A process of its own that holds a lease of a data directory until it is killed. It prints the outcome as one line.
const [dataDir = "", text = "", holder = ""] = process.argv.slice(2);
const name = parseLeaseName(text);
if (!name) throw new Error(`'${text}' names no lease`);
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const leases = await new LocalEngine(dataDir, log).openLeases();
const outcome = await leases.acquire(name, holder);
console.log(outcome.kind);
// The lease is a property of what lives as long as the process, because one that is collected is free.
Object.assign(globalThis, { outcome });
setInterval(() => undefined, 60_000);
