import type { ComponentChildren } from "preact";
import type { InContext } from "../../../requests/web-context.ts";

export const ACCOUNT_PATH = "/account";

/** What a form of the account page does. */
export type AccountAction = "token-make" | "token-revoke" | "key-add" | "key-remove" | "password";

interface ActionProps extends InContext {
  readonly action: AccountAction;
}

export function ActionForm({
  context,
  action,
  class: name,
  children,
}: ActionProps & { readonly class: string; readonly children: ComponentChildren }) {
  return (
    <form class={name} method="post" action={context.links.now(ACCOUNT_PATH)}>
      <input type="hidden" name="action" value={action} />
      {children}
    </form>
  );
}

interface ActionButtonProps extends ActionProps {
  readonly fields: Readonly<Record<string, string>>;
  readonly text: string;
  /** For screen readers: what the button is about. */
  readonly label: string;
}

export function ActionButton({ context, action, fields, text, label }: ActionButtonProps) {
  return (
    <ActionForm context={context} action={action} class="">
      {Object.entries(fields).map(([name, value]) => (
        <input key={name} type="hidden" name={name} value={value} />
      ))}
      <button type="submit" class="quiet danger" aria-label={label}>
        {text}
      </button>
    </ActionForm>
  );
}
