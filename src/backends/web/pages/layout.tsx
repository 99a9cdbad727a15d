import { describeStorageTrouble } from "../../../primitives/fs/storage-trouble.ts";
import { ANONYMOUS } from "../../../primitives/users/user.ts";
import { VERSION } from "../../../primitives/version.ts";
import { historyTrouble } from "../../oci-http/operations/history-trouble.ts";
import { SCRIPT_PATH, STYLE_PATH } from "../assets/assets.ts";
import type { InContext, WebContext } from "../requests/web-context.ts";
import { AsOfNotice } from "./components/as-of.tsx";
import { TimeTravel } from "./components/time-travel.tsx";
import type { PageContent } from "./page.ts";

/** The whole document of a page. */
export function Layout({ context, content }: InContext & { readonly content: PageContent }) {
  const { links, config } = context;
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{`${content.title} · ${config.name}`}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href={links.now(STYLE_PATH)} />
        <script type="module" src={links.now(SCRIPT_PATH)} />
      </head>
      <body>
        <a class="skip" href="#content">
          Skip to the content
        </a>
        <Header context={context} content={content} />
        <main id="content" tabIndex={-1}>
          <AsOfNotice context={context} isTimeless={content.isTimeless ?? false} />
          <HistoryTrouble context={context} content={content} />
          {content.body}
        </main>
        <footer>
          <span>Everlock {VERSION.everlock}</span>
          {config.follow && <span>A read-only replica of {config.upstream}</span>}
        </footer>
      </body>
    </html>
  );
}

/** Says why times and names of last pushes are missing. */
function HistoryTrouble({ context, content: { status } }: InContext & { readonly content: PageContent }) {
  const { services, config } = context;
  const trouble = historyTrouble(services, config.name);
  // The page of an error says it itself.
  if (trouble === undefined || status !== undefined) return null;
  return (
    <p class="notice" role="status">
      The history can’t be read for now, so last pushes are missing: {describeStorageTrouble(trouble)}. It is
      tried again with each request.
    </p>
  );
}

function Header({ context, content }: InContext & { readonly content: PageContent }) {
  const { links, config, request } = context;
  return (
    <header class="top">
      <a class="brand" href={links.to("/")}>
        {config.name}
      </a>
      <nav class="sections" aria-label="Registry">
        {SECTIONS.map((section) => (
          <a
            key={section.path}
            href={links.to(section.path)}
            aria-current={isWithin(request.path, section) ? "page" : undefined}
          >
            {section.text}
          </a>
        ))}
      </nav>
      {!content.isTimeless && <TimeTravel context={context} />}
      <AccountLink context={context} />
    </header>
  );
}

/** The sections of a registry, in the order in which they are shown. */
const SECTIONS = [
  { text: "Repositories", path: "/", folders: ["/repositories/"] },
  { text: "History", path: "/log", folders: ["/commits/", "/compare"] },
  { text: "Space", path: "/space", folders: [] },
] as const;

/** A repository's pages belong to the list of repositories. */
function isWithin(path: string, section: (typeof SECTIONS)[number]): boolean {
  return path === section.path || section.folders.some((folder) => path.startsWith(folder));
}

function AccountLink({ context }: InContext) {
  const { links, request } = context;
  const { login } = request;
  if (login.user === ANONYMOUS)
    return (
      <div class="account">
        <a href={links.now("/sign-in", { next: pathOf(context) })}>Sign in</a>
      </div>
    );
  return (
    <div class="account">
      <a href={links.now("/account")} aria-current={request.path === "/account" ? "page" : undefined}>
        {login.user}
      </a>
      {login.session && (
        <form method="post" action={links.now("/sign-out")}>
          <button type="submit" class="quiet">
            Sign out
          </button>
        </form>
      )}
    </div>
  );
}

/** The address of the page itself, without the path prefix. */
function pathOf({ request: { path, query } }: WebContext): string {
  return query === "" ? path : `${path}?${query}`;
}
