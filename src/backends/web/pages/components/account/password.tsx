import type { InContext } from "../../../requests/web-context.ts";
import { ActionForm } from "./action-form.tsx";

/** The form that changes the password. */
export function Password({ context }: InContext) {
  const { services, actor } = context;
  const least = services.passwordMinLength;
  return (
    <section class="section" aria-labelledby="password">
      <h2 id="password">Password</h2>
      <p class="soft">A change ends your sessions in other browsers. API tokens and SSH keys stay valid.</p>
      <ActionForm context={context} action="password" class="stack form">
        <input type="hidden" name="user" autoComplete="username" value={actor.user} />
        <label>
          Present password
          <input name="old" type="password" autoComplete="current-password" required />
        </label>
        <label>
          New password
          <input name="password" type="password" autoComplete="new-password" required minLength={least} />
        </label>
        <label>
          New password again
          <input name="again" type="password" autoComplete="new-password" required minLength={least} />
        </label>
        <div>
          <button type="submit">Change the password</button>
        </div>
      </ActionForm>
    </section>
  );
}
