import { ANONYMOUS } from "../../../primitives/users/user.ts";
import { VERSION } from "../../../primitives/version.ts";
import { SCRIPT_PATH, STYLE_PATH } from "../assets/assets.ts";
import type { WebContext } from "../requests/web-context.ts";
import type { InContext, PageContent } from "./page.ts";

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
        <Header context={context} />
        <main id="content" tabIndex={-1}>
          {content.body}
        </main>
        <footer>
          <span>Everlock {VERSION.everlock}</span>
        </footer>
      </body>
    </html>
  );
}

function Header({ context }: InContext) {
  const { links, config } = context;
  return (
    <header>
      <a class="brand" href={links.to("/")}>
        {config.name}
      </a>
      <nav aria-label="Registry">
        <a href={links.to("/")}>Repositories</a>
      </nav>
      <AccountLink context={context} />
    </header>
  );
}

function AccountLink({ context }: InContext) {
  const { links, request } = context;
  const { login } = request;
  if (login.user === ANONYMOUS)
    return (
      <a class="account" href={links.now("/sign-in", { next: pathOf(context) })}>
        Sign in
      </a>
    );
  return (
    <div class="account">
      <span>{login.user}</span>
      {login.session && (
        <form method="post" action={links.now("/sign-out")}>
          <button type="submit">Sign out</button>
        </form>
      )}
    </div>
  );
}

/** The address of the page itself, without the path prefix. */
function pathOf({ request: { path, query } }: WebContext): string {
  return query === "" ? path : `${path}?${query}`;
}
