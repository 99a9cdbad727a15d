import { ROLES } from "../../../../../primitives/users/role.ts";
import type { TokenRecord } from "../../../../accounts/credentials.ts";
import type { CreatedToken } from "../../../api/account.ts";
import type { InContext } from "../../../requests/web-context.ts";
import { Copyable } from "../copyable.tsx";
import { Time } from "../time.tsx";
import { ActionButton, ActionForm } from "./action-form.tsx";
import { placeOf } from "./grants.tsx";

/** Lifetimes that the form offers; empty: until it is revoked. */
const LIFETIMES = [
  { value: "7d", text: "7 days" },
  { value: "30d", text: "30 days" },
  { value: "90d", text: "90 days" },
  { value: "365d", text: "1 year" },
  { value: "", text: "until it is revoked" },
] as const;
const DEFAULT_LIFETIME = "90d";

interface TokensProps extends InContext {
  readonly tokens: readonly TokenRecord[];
}

/** The API tokens, and the form that makes one. */
export function Tokens({ context, tokens }: TokensProps) {
  return (
    <section class="section" aria-labelledby="tokens">
      <h2 id="tokens">API tokens</h2>
      <p class="soft">
        Passwords for robots that pull and push. A token is given as the password, with your user name. It
        can’t make other tokens or change your password.
      </p>
      {tokens.length > 0 && <TokenTable context={context} tokens={tokens} />}
      <ActionForm context={context} action="token-make" class="row">
        <label>
          Name
          <input name="name" required maxLength={100} autoComplete="off" placeholder="ci" />
        </label>
        <label>
          Access
          <select name="role">
            {ROLES.map((role) => (
              <option key={role} value={role} selected={role === "reader"}>
                {role} in this registry
              </option>
            ))}
            <option value="">all that you may do</option>
          </select>
        </label>
        <label>
          Only repositories like
          <input name="repositories" autoComplete="off" placeholder="all, or team/**" spellcheck={false} />
        </label>
        <label>
          Valid for
          <select name="lifetime">
            {LIFETIMES.map(({ value, text }) => (
              <option key={value} value={value} selected={value === DEFAULT_LIFETIME}>
                {text}
              </option>
            ))}
          </select>
        </label>
        <button type="submit" class="primary">
          Make a token
        </button>
      </ActionForm>
    </section>
  );
}

function TokenTable({ context, tokens }: TokensProps) {
  return (
    <div class="table">
      <table>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Access</th>
            <th scope="col">Expires</th>
            <th scope="col" class="wide">
              Last used
            </th>
            <th scope="col">
              <span class="unseen">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {tokens.map(({ id, name, limit, expires, lastUsed }) => (
            <tr key={id}>
              <th scope="row">
                {name || "without a name"} <span class="soft small mono">{id}</span>
              </th>
              <td>{limit ? `${limit.role}, ${placeOf(limit.path)}` : "all that you may do"}</td>
              <td>{expires ? <Day date={expires} /> : "never"}</td>
              <td class="wide">{lastUsed ? <Time date={lastUsed} /> : "never"}</td>
              <td class="number">
                <ActionButton
                  context={context}
                  action="token-revoke"
                  fields={{ id }}
                  text="Revoke"
                  label={`Revoke ${name || id}`}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Day({ date }: { readonly date: Date }) {
  const exact = date.toISOString();
  return (
    <time dateTime={exact} title={`${exact.slice(0, 19).replace("T", " ")} UTC`} class="nowrap">
      {date.getTime() <= Date.now() ? "expired" : exact.slice(0, 10)}
    </time>
  );
}

/** The secret of a new token. */
export function MadeToken({ made }: { readonly made: CreatedToken }) {
  return (
    <section class="notice section" role="status" aria-label="New API token">
      <p>
        The API token <span class="mono">{made.id}</span> is made. Copy it now: it is not shown again.
      </p>
      <Copyable text={made.token} />
      {made.warning !== undefined && <p>{made.warning}</p>}
    </section>
  );
}
