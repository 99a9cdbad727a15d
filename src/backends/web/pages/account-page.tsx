import type { VNode } from "preact";
import { ExpectedError } from "../../../primitives/expected-error.ts";
import { parseRole } from "../../../primitives/users/role.ts";
import { ANONYMOUS } from "../../../primitives/users/user.ts";
import { credentialOwner, listKeys } from "../../accounts/credentials.ts";
import { readAccount } from "../../accounts/own-account.ts";
import { InvalidArgumentError } from "../../refusals.ts";
import {
  addOwnKey,
  changePassword,
  makeToken,
  type NewTokenRequest,
  ownTokens,
  removeOwnKey,
  revokeToken,
} from "../api/account.ts";
import { webFailureOf } from "../requests/failed-web.ts";
import { RoutePattern } from "../requests/route-pattern.ts";
import type { WebContext } from "../requests/web-context.ts";
import { ACCOUNT_PATH, type AccountAction } from "./components/account/action-form.tsx";
import { Grants } from "./components/account/grants.tsx";
import { Keys } from "./components/account/keys.tsx";
import { Password } from "./components/account/password.tsx";
import { MadeToken, Tokens } from "./components/account/tokens.tsx";
import { Confirmation, isConfirmed } from "./components/confirmation.tsx";
import { PageHead } from "./components/page-head.tsx";
import { type Page, type PageContent, type PageResult, Redirect } from "./page.ts";
import { SIGN_IN } from "./sign-in-page.tsx";

/** What the page says after a change. */
const OUTCOMES: Readonly<Record<string, string>> = {
  "token-revoke": "The API token is revoked.",
  "key-add": "The key is added.",
  "key-remove": "The key is removed.",
  password: "The password is changed. Your sessions in other browsers have ended.",
};

type Action = (context: WebContext, form: URLSearchParams) => Promise<PageResult>;

const ACTIONS: Readonly<Record<AccountAction, Action>> = {
  async "token-make"(context, form) {
    const made = await makeToken(context, tokenIn(context, form), true);
    return account(context, { message: <MadeToken made={made} /> });
  },
  async "token-revoke"(context, form) {
    const id = form.get("id") ?? "";
    const token = ownTokens(context).find((known) => known.id === id);
    if (token && !isConfirmed(form))
      return confirmation(
        <Confirmation
          context={context}
          title={`Revoke the API token ${token.name || id}?`}
          path={ACCOUNT_PATH}
          fields={{ action: "token-revoke", id }}
          button="Revoke the token"
        >
          <p>What logs in with it is refused from then on. This can’t be undone.</p>
        </Confirmation>,
      );
    await revokeToken(context, id);
    return done(context, "token-revoke");
  },
  async "key-add"(context, form) {
    await addOwnKey(context, form.get("key") ?? "");
    return done(context, "key-add");
  },
  async "key-remove"(context, form) {
    const fingerprint = form.get("fingerprint") ?? "";
    if (!isConfirmed(form))
      return confirmation(
        <Confirmation
          context={context}
          title="Remove this SSH key?"
          path={ACCOUNT_PATH}
          fields={{ action: "key-remove", fingerprint }}
          button="Remove the key"
        >
          <p class="mono">{fingerprint}</p>
          <p>It no longer opens the console, and sessions that it has opened end.</p>
        </Confirmation>,
      );
    await removeOwnKey(context, fingerprint);
    return done(context, "key-remove");
  },
  async password(context, form) {
    const password = form.get("password") ?? "";
    if (password !== form.get("again"))
      throw new InvalidArgumentError("the two entries of the new password differ");
    await changePassword(context, { old: form.get("old") ?? "", password });
    return done(context, "password", context.request.login.session && "begin");
  },
};

/** `/account`: the user's own account. */
export const ACCOUNT_PAGE: Page = {
  pattern: new RoutePattern(ACCOUNT_PATH),
  show(context) {
    if (context.request.login.user === ANONYMOUS)
      return new Redirect(context.links.now(SIGN_IN, { next: ACCOUNT_PATH }));
    const outcome = OUTCOMES[context.query.get("done") ?? ""];
    const message = outcome === undefined ? undefined : <Notice text={outcome} />;
    return account(context, { message });
  },
  async submit(context, _path, form) {
    const action = form.get("action") ?? "";
    const run = Object.hasOwn(ACTIONS, action) ? ACTIONS[action as AccountAction] : undefined;
    try {
      // First, so that nobody else gets an error about the fields.
      credentialOwner(context.services, context.actor, context.actor.user);
      if (!run) throw new InvalidArgumentError(`'${action}' is no action of this page`);
      return await run(context, form);
    } catch (error) {
      if (!(error instanceof ExpectedError) || !context.actor.isPersonal) throw error;
      const { status, words, hint } = webFailureOf(context.services.log, error, context.request.login);
      const message = (
        <p class="error" role="alert">
          {words}
          {hint !== undefined && `; ${hint}`}
        </p>
      );
      return account(context, { message, status });
    }
  },
};

/** The limit is within this registry. */
function tokenIn({ config }: WebContext, form: URLSearchParams): NewTokenRequest {
  const text = (name: string) => (form.get(name) ?? "").trim();
  const [name, lifetime, repositories, roleText] = [
    text("name"),
    text("lifetime"),
    text("repositories"),
    text("role"),
  ];
  if (name === "") throw new InvalidArgumentError("the token has no name");
  const role = parseRole(roleText);
  if (!role && roleText !== "") throw new InvalidArgumentError(`'${roleText}' is no role`);
  if (!role && repositories !== "")
    throw new InvalidArgumentError("a limit to repositories requires a role: reader, writer or owner");
  const path = `http/oci/${config.name}${repositories && `/${repositories}`}`;
  return { name, ...(lifetime && { lifetime }), ...(role && { limit: { path, role } }) };
}

function done({ links }: WebContext, action: AccountAction, session?: "begin"): Redirect {
  return new Redirect(links.now(ACCOUNT_PATH, { done: action }), session);
}

function confirmation(body: VNode): PageContent {
  return { title: "Confirm", body };
}

function Notice({ text }: { readonly text: string }) {
  return (
    <p class="notice" role="status">
      {text}
    </p>
  );
}

function account(
  context: WebContext,
  { message, status = 200 }: { readonly message?: VNode | undefined; readonly status?: number },
): PageContent {
  const { services, actor } = context;
  const own = readAccount(services, actor);
  const { user, displayName, isAdministrator } = own;
  return {
    title: "Account",
    isTimeless: true,
    status,
    body: (
      <>
        <PageHead title={user}>
          <div class="row">
            {displayName !== user && <span class="soft">{displayName}</span>}
            {isAdministrator && <span class="badge">administrator</span>}
          </div>
        </PageHead>
        {message}
        <Grants context={context} account={own} />
        <Tokens context={context} tokens={ownTokens(context)} />
        <Keys context={context} keys={listKeys(services, actor, user)} />
        <Password context={context} />
      </>
    ),
  };
}
