import type { ComponentChildren } from "preact";
import type { InContext } from "../../requests/web-context.ts";

interface ConfirmationProps extends InContext {
  /** As a question. */
  readonly title: string;
  /** What would change. */
  readonly children: ComponentChildren;
  /** Path of the page that is submitted, and to which a cancel leads. */
  readonly path: string;
  readonly fields: Readonly<Record<string, string>>;
  /** Text of the button. */
  readonly button: string;
}

/** Whether a submitted form is the one of `Confirmation`. */
export function isConfirmed(form: URLSearchParams): boolean {
  return form.get("confirmed") === "yes";
}

/** Says what a change would do, and makes it once confirmed. */
export function Confirmation({ context, title, children, path, fields, button }: ConfirmationProps) {
  const address = context.links.now(path);
  return (
    <section class="narrow">
      <h1>{title}</h1>
      {children}
      <form class="row" method="post" action={address}>
        {Object.entries(fields).map(([name, value]) => (
          <input key={name} type="hidden" name={name} value={value} />
        ))}
        <input type="hidden" name="confirmed" value="yes" />
        <button type="submit" class="primary danger">
          {button}
        </button>
        <a href={address}>Cancel</a>
      </form>
    </section>
  );
}
