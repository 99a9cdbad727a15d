import { SECURITY_HEADERS } from "../../../backends/web/requests/security-headers.ts";
import type { RegistryError } from "../../../registry/requests/errors.ts";
import { isWebPath } from "./web-paths.ts";

/** A page of the HTTP frontend itself, where no registry can make one. */
interface PlainPage {
  readonly title: string;
  readonly paragraphs: readonly string[];
  /** What the operator types. */
  readonly command?: string;
}

const STYLE = [
  ":root{color-scheme:light dark}",
  "body{font:400 0.9375rem/1.5 system-ui,sans-serif;max-width:38rem;margin:4rem auto;padding:0 1.5rem}",
  "h1{font-size:1.625rem;font-weight:600;line-height:1.25;overflow-wrap:anywhere}",
  "p{overflow-wrap:anywhere}",
  "pre{padding:.75rem 1rem;border:1px solid light-dark(#dfe2e6,#32383f);border-radius:6px;overflow:auto}",
].join("");
const STYLE_HASH = new Bun.CryptoHasher("sha256").update(STYLE).digest("base64");
const HEADERS = {
  ...SECURITY_HEADERS,
  "Content-Security-Policy": `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'`,
  "Content-Type": "text/html; charset=utf-8",
  "Cache-Control": "no-store",
} as const;

/** Whether a browser asks for a page, which then tells more than an error of the registry's API. */
export function asksForPage({ method, headers }: Request, path: string): boolean {
  if ((method !== "GET" && method !== "HEAD" && method !== "POST") || path.startsWith("/api/")) return false;
  const accept = headers.get("Accept");
  return isWebPath(path, accept) && (accept?.includes("text/html") ?? false);
}

/** An error as a page. */
export function plainErrorPage({ status, message, headers }: RegistryError): Response {
  const title = TITLES[status] ?? "This request failed";
  return plainPage({ title, paragraphs: [`${message}.`] }, { status, headers });
}

const TITLES: Readonly<Record<number, string>> = {
  401: "Not signed in",
  403: "Not allowed",
  413: "Too long",
  429: "Too many requests",
  503: "Out of service",
};

/** The page at a host that no registry has. It names no other host: who asks may be a stranger. */
export function unknownHostPage(host: string): Response {
  return plainPage(
    {
      title: `No registry is served at ${host}`,
      paragraphs: [
        "The server is running, but none of its registries has this host name. Check the address that you have typed.",
        "The server’s log names the hosts that are served. The operator can give this one to a registry, in the admin console:",
      ],
      command: `/oci set <registry> vhost=${host}`,
    },
    { status: 404 },
  );
}

function plainPage(
  { title, paragraphs, command }: PlainPage,
  { status, headers = {} }: { readonly status: number; readonly headers?: Readonly<Record<string, string>> },
): Response {
  const lines = [
    "<!doctype html>",
    '<html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${Bun.escapeHTML(title)}</title><style>${STYLE}</style></head>`,
    `<body><main><h1>${Bun.escapeHTML(title)}</h1>`,
    ...paragraphs.map((text) => `<p>${Bun.escapeHTML(text)}</p>`),
    ...(command === undefined ? [] : [`<pre><code>${Bun.escapeHTML(command)}</code></pre>`]),
    "</main></body></html>",
  ];
  return new Response(lines.join("\n"), { status, headers: { ...headers, ...HEADERS } });
}
