import { acceptsGzip, GZIP_HEADERS } from "../requests/compressed.ts";
import type { WebRequest, WebResponse } from "../requests/web-calls.ts";
import { bundle } from "./bundle.ts" with { type: "macro" };

const HASH_DIGITS = 16;
const STYLE = bundle("style.css");
const SCRIPT = bundle("client.ts");

/** Their names change with their content, so that browsers may keep them. */
export const STYLE_PATH = `/assets/${nameOf(STYLE)}.css`;
export const SCRIPT_PATH = `/assets/${nameOf(SCRIPT)}.js`;

interface Asset {
  readonly type: string;
  readonly text: string;
  readonly compressed: () => Uint8Array;
}

/** Compressed at the first request. */
function assetOf(type: string, text: string): Asset {
  let compressed: Uint8Array | undefined;
  return {
    type,
    text,
    compressed: () => {
      compressed ??= Bun.gzipSync(text);
      return compressed;
    },
  };
}

const ASSETS = new Map<string, Asset>([
  [STYLE_PATH, assetOf("text/css; charset=utf-8", STYLE)],
  [SCRIPT_PATH, assetOf("text/javascript; charset=utf-8", SCRIPT)],
]);

function nameOf(text: string): string {
  return Bun.SHA256.hash(text, "hex").slice(0, HASH_DIGITS);
}

/** Scripts and styles; `undefined` for other paths. */
export function assetAt(request: WebRequest): WebResponse | undefined {
  const asset = ASSETS.get(request.path);
  if (!asset) return undefined;
  const headers = { "Content-Type": asset.type, "Cache-Control": "public, max-age=31536000, immutable" };
  if (!acceptsGzip(request)) return { status: 200, headers, body: asset.text };
  return { status: 200, headers: { ...headers, ...GZIP_HEADERS }, body: asset.compressed() };
}
