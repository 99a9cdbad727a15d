import type { ConfigChange } from "../../../oci-http/operations/images/config-changes.ts";

const FIELDS: Readonly<Record<ConfigChange["field"], string>> = {
  platform: "Platform",
  created: "Created",
  author: "Author",
  user: "User",
  entrypoint: "Entry point",
  command: "Command",
  workingDir: "Working directory",
  stopSignal: "Stop signal",
  environment: "Environment",
  label: "Label",
  port: "Port",
  volume: "Volume",
  annotation: "Annotation",
};

export function ConfigChanges({ changes }: { readonly changes: readonly ConfigChange[] }) {
  return (
    <section class="section" aria-labelledby="config">
      <h2 id="config">Configuration</h2>
      {changes.length === 0 ? (
        <p class="soft">The configurations do not differ.</p>
      ) : (
        <div class="table">
          <table class="cards">
            <thead>
              <tr>
                <th scope="col">What</th>
                <th scope="col">First</th>
                <th scope="col">Second</th>
              </tr>
            </thead>
            <tbody>
              {changes.map(({ field, name, from, to }) => (
                <tr key={`${field} ${name ?? ""}`}>
                  <th scope="row">
                    {FIELDS[field]} {name !== undefined && <span class="mono">{name}</span>}
                  </th>
                  <td class="command" data-label="First">
                    {from === undefined ? <span class="soft">none</span> : <del class="removed">{from}</del>}
                  </td>
                  <td class="command" data-label="Second">
                    {to === undefined ? <span class="soft">none</span> : <ins class="added">{to}</ins>}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
