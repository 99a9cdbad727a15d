import type { KeyRecord } from "../../../../accounts/credentials.ts";
import type { InContext } from "../../../requests/web-context.ts";
import { ActionButton, ActionForm } from "./action-form.tsx";

interface KeysProps extends InContext {
  readonly keys: readonly KeyRecord[];
}

/** The SSH keys for the console, and the form that adds one. */
export function Keys({ context, keys }: KeysProps) {
  return (
    <section class="section" aria-labelledby="keys">
      <h2 id="keys">SSH keys</h2>
      <p class="soft">They open the admin console instead of your password.</p>
      {keys.length > 0 && (
        <div class="table">
          <table>
            <thead>
              <tr>
                <th scope="col">Fingerprint</th>
                <th scope="col" class="wide">
                  Type
                </th>
                <th scope="col">Comment</th>
                <th scope="col">
                  <span class="unseen">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {keys.map(({ fingerprint, type, comment }) => (
                <tr key={fingerprint}>
                  <th scope="row" class="mono">
                    {fingerprint}
                  </th>
                  <td class="wide">{type}</td>
                  <td>{comment}</td>
                  <td class="number">
                    <ActionButton
                      context={context}
                      action="key-remove"
                      fields={{ fingerprint }}
                      text="Remove"
                      label={`Remove the key ${comment || fingerprint}`}
                    />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <ActionForm context={context} action="key-add" class="stack">
        <label>
          Public key, as in ~/.ssh/id_ed25519.pub
          <textarea name="key" rows={3} required class="mono" spellcheck={false} autoComplete="off" />
        </label>
        <div>
          <button type="submit">Add the key</button>
        </div>
      </ActionForm>
    </section>
  );
}
