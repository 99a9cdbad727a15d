import type { WebRequest, WebResponse } from "../requests/web-calls.ts";
import { bundle } from "./bundle.ts" with { type: "macro" };

const STYLE = bundle("style.css");
const SCRIPT = bundle("client.ts");

/** Their names change with their content, so that browsers may keep them. */
export const STYLE_PATH = `/assets/${nameOf(STYLE)}.css`;
export const SCRIPT_PATH = `/assets/${nameOf(SCRIPT)}.js`;

interface Asset {
  readonly type: string;
  readonly text: string;
}

const ASSETS = new Map<string, Asset>([
  [STYLE_PATH, { type: "text/css; charset=utf-8", text: STYLE }],
  [SCRIPT_PATH, { type: "text/javascript; charset=utf-8", text: SCRIPT }],
]);

const HASH_DIGITS = 16;

function nameOf(text: string): string {
  return Bun.SHA256.hash(text, "hex").slice(0, HASH_DIGITS);
}

/** Scripts and styles; `undefined` for other paths. */
export function assetAt({ path }: WebRequest): WebResponse | undefined {
  const asset = ASSETS.get(path);
  return (
    asset && {
      status: 200,
      headers: { "Content-Type": asset.type, "Cache-Control": "public, max-age=31536000, immutable" },
      body: asset.text,
    }
  );
}
