import type { Random } from "./random.ts";
import { type FuzzRequest, MEDIA_TYPES } from "./request-model.ts";

type Mutation = (request: FuzzRequest, random: Random) => void;

const METHODS = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "A"];
const INSERTS = [
  ...[
    "%00",
    "%0a",
    "%2e%2e/",
    "%2f",
    "..",
    "//",
    "/",
    "%",
    "%zz",
    "%c3%28",
    "%ff",
    "?",
    "&",
    "=",
    ";",
    "@",
    ":",
  ],
  ...[
    "+",
    " ",
    "#",
    "\\",
    "*",
    "**",
    "~",
    "_catalog",
    "_tags",
    "sha256:",
    "n=-1",
    "n=1e99",
    "last=%00",
    "\u00e4",
  ],
];
const NUMBERS = [
  "-1",
  "0",
  "1e309",
  "NaN",
  "9".repeat(30),
  "0x10",
  "",
  " 1",
  "1,1",
  "4294967296",
  "9007199254740993",
];
const RANGES = [
  "bytes=0-",
  "bytes=-5",
  "bytes=5-1",
  "bytes=0-0,2-2",
  "bytes=",
  "items=0-1",
  `bytes=${"0-0,".repeat(500)}1-1`,
];
const JSON_PIECES = [
  "null",
  "[]",
  "{}",
  '""',
  "-1",
  "1e999",
  "true",
  '"\\u0000"',
  "[[[[[[[[",
  '{"a":',
  ",",
  "}",
  "\u0000",
];
const LONG = 3000;

function insertAt(text: string, at: number, piece: string): string {
  return text.slice(0, at) + piece + text.slice(at);
}

/** Each changes one thing of a request, and leaves its framing (Content-Length) to be computed afterwards. */
const MUTATIONS: readonly Mutation[] = [
  (request, random) => {
    request.method = random.pick(METHODS);
  },
  (request, random) => {
    request.target = insertAt(request.target, random.below(request.target.length + 1), random.pick(INSERTS));
  },
  (request, random) => {
    const at = random.below(request.target.length);
    request.target = request.target.slice(0, at) + request.target.slice(at + 1 + random.below(5));
    if (!request.target.startsWith("/")) request.target = `/${request.target}`;
  },
  (request, random) => {
    const parts = request.target.split("/");
    parts.splice(random.below(parts.length), 0, random.pick(parts));
    request.target = `/${parts.join("/").replace(/^\/+/, "")}`;
  },
  (request, random) => {
    request.target = request.target.replace(/=[^&]*/, `=${random.pick(NUMBERS)}`);
  },
  (request, random) => {
    const at = random.below(request.target.length + 1);
    request.target = insertAt(request.target, at, "a".repeat(random.below(LONG)));
  },
  (request, random) => {
    request.target = insertAt(
      request.target,
      random.below(request.target.length + 1),
      "a/".repeat(random.below(200)),
    );
  },
  (request, random) => {
    request.headers.push(["Range", random.pick(RANGES)]);
  },
  (request, random) => {
    request.headers.push(["Content-Range", random.pick([...RANGES, ...NUMBERS, "0-5", "5-9"])]);
  },
  (request, random) => {
    request.headers.push(["Content-Type", random.pick([...MEDIA_TYPES, "", "a/b; c=d", "x".repeat(LONG)])]);
  },
  (request, random) => {
    const value = random.pick([
      "*",
      '"sha256:0"',
      "W/",
      `"${"a".repeat(LONG)}"`,
      "Thu, 01 Jan 1970 00:00:00 GMT",
    ]);
    request.headers.push([
      random.pick(["If-None-Match", "If-Match", "If-Range", "If-Modified-Since"]),
      value,
    ]);
  },
  (request, random) => {
    const value = random.pick(["for=1.2.3.4;host=vault.test", "1.2.3.4", "localhost", "https", "", ",,,"]);
    request.headers.push([
      random.pick(["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP"]),
      value,
    ]);
  },
  (request, random) => {
    const value = random.pick([
      "Bearer x.y.z",
      "Basic !!!",
      "Basic YTpi",
      "Negotiate",
      "",
      `Bearer ${"a".repeat(LONG)}`,
    ]);
    request.headers = [
      ...request.headers.filter(([name]) => name !== "Authorization"),
      ["Authorization", value],
    ];
  },
  (request, random) => {
    const host = random.pick([
      "",
      "localhost:99999",
      "LOCALHOST",
      "vault.test",
      "[::1]",
      "a/b@c",
      "localhost.",
    ]);
    request.headers = request.headers.map(([name, value]) => [name, name === "Host" ? host : value]);
  },
  (request, random) => {
    const text = Buffer.from(request.body).toString("latin1");
    const piece = random.pick(JSON_PIECES);
    request.body = Buffer.from(insertAt(text, random.below(text.length + 1), piece), "latin1");
  },
  (request, random) => {
    if (request.body.length === 0) return;
    const body = Buffer.from(request.body);
    for (let flips = 1 + random.below(4); flips > 0; flips--)
      body[random.below(body.length)] = random.below(256);
    request.body = body;
  },
  (request, random) => {
    request.body = Buffer.from("[".repeat(random.below(20_000)));
  },
  (request, random) => {
    const text = Buffer.from(request.body).toString("latin1");
    request.body = Buffer.from(text.replace(/:(\d+|"[^"]*")/, `:${random.pick(JSON_PIECES)}`), "latin1");
  },
];

/** Up to four mutations, one after the other; now and then none, so that what exists is reached. */
export function mutate(request: FuzzRequest, random: Random): void {
  for (let count = random.below(5); count > 0; count--) random.pick(MUTATIONS)(request, random);
}

/** Changes the bytes on the wire, so that they may be no HTTP any more. */
export function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const mutated = Buffer.from(bytes);
  for (let count = 1 + random.below(4); count > 0; count--) {
    mutated[random.below(mutated.length)] = random.pick([0, 10, 13, 32, 58, 127, 255, random.below(256)]);
  }
  return random.chance(0.2) ? mutated.subarray(0, random.below(mutated.length)) : mutated;
}
