import type { ComponentChildren } from "preact";

interface PageHeadProps {
  readonly title: string;
  /** The pages above this one. */
  readonly crumbs?: readonly { readonly text: string; readonly href: string }[];
  /** Beside the title: actions, or facts. */
  readonly children?: ComponentChildren;
}

/** The head of a page: where it is, what it shows, and what can be done there. */
export function PageHead({ title, crumbs = [], children }: PageHeadProps) {
  return (
    <div class="head">
      <div>
        {crumbs.length > 0 && (
          <nav class="crumbs" aria-label="Above this page">
            {crumbs.map(({ text, href }) => (
              <span key={href}>
                <a href={href}>{text}</a> /{" "}
              </span>
            ))}
          </nav>
        )}
        <h1>{title}</h1>
      </div>
      {children}
    </div>
  );
}
