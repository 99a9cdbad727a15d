import type { AccountRecord } from "../../../../accounts/own-account.ts";
import type { InContext } from "../../../requests/web-context.ts";
import { ConsoleCommand } from "../console-command.tsx";

interface GrantsProps extends InContext {
  readonly account: AccountRecord;
}

/** What the user may do, where, and by whose grant. */
export function Grants({ context, account }: GrantsProps) {
  const { user, namesakeOf, own, byGroup, anonymous } = account;
  const rows = [
    ...(namesakeOf === undefined
      ? []
      : [{ role: "owner", path: namesakeOf, from: "the registry has your name" }]),
    ...own.map((grant) => ({ ...grant, from: "granted to you" })),
    ...byGroup.map((grant) => ({ ...grant, from: `the group ${grant.group}` })),
    ...anonymous.map((grant) => ({ ...grant, from: "everybody" })),
  ];
  return (
    <section class="section" aria-labelledby="grants">
      <h2 id="grants">What you may do</h2>
      {rows.length === 0 ? (
        <div class="empty">
          <p>Nothing is granted to you yet. Ask an administrator for a role.</p>
        </div>
      ) : (
        <div class="table">
          <table>
            <thead>
              <tr>
                <th scope="col">Role</th>
                <th scope="col">Where</th>
                <th scope="col">From</th>
              </tr>
            </thead>
            <tbody>
              {rows.map(({ role, path, from }) => (
                <tr key={`${role} ${path} ${from}`}>
                  <td>{role}</td>
                  <td>
                    <span title={path}>{placeOf(path)}</span>
                  </td>
                  <td>{from}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <p class="small soft">
        A reader may pull, a writer may also push, an owner may also delete. Administrators change grants in
        the admin console, which also says why you may do something:
      </p>
      <ConsoleCommand context={context} command={`/access check ${user} http/oci/${context.config.name}`} />
    </section>
  );
}

/** An access pattern in words. */
export function placeOf(path: string): string {
  const [, , registry = "", ...repository] = path.split("/");
  const where = registry === "*" ? "every registry" : `the registry ${registry}`;
  return repository.length === 0 ? where : `${repository.join("/")} in ${where}`;
}
