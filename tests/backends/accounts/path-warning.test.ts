import { expect, test } from "bun:test";
import { pathWarning } from "../../../src/backends/accounts/path-warning.ts";
import { parseAccessPattern } from "../../../src/primitives/users/access-path.ts";

const instances = { list: () => [{ name: "default" }, { name: "team" }] };

function warningOf(text: string): string | undefined {
  const path = parseAccessPattern(text);
  if (!path) throw new Error(`'${text}' is not an access path`);
  return pathWarning({ instances }, path);
}

test.each(["http/oci/default", "http/oci/team/app/**", "*/*/*", "http/*/team", "*/oci/*/app"])(
  "%p covers something",
  (text) => expect(warningOf(text)).toBeUndefined(),
);

test.each([
  ["http/oci/nope", "there is no registry 'nope', so 'http/oci/nope' covers nothing for now"],
  [
    "http/oci/defualt/app/*",
    "there is no registry 'defualt', so 'http/oci/defualt/app/*' covers nothing for now; did you mean 'http/oci/default/app/*'?",
  ],
  [
    "http/oic/default",
    "'oic' is no backend: oci is the one of http, so 'http/oic/default' covers nothing for now; did you mean 'http/oci/default'?",
  ],
  [
    "htp/oci/*",
    "'htp' is no frontend: paths begin with http, so 'htp/oci/*' covers nothing for now; did you mean 'http/oci/*'?",
  ],
  ["htp/oic/taem", expect.stringContaining("did you mean 'http/oci/team'?")],
  [
    "ssh/admin/default",
    "'ssh' is no frontend: paths begin with http, so 'ssh/admin/default' covers nothing for now",
  ],
])("%p covers nothing, and the warning says why and what was meant", (text, warning) => {
  expect(warningOf(text)).toEqual(warning);
});
