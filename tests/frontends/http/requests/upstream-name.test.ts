import { expect, test } from "bun:test";
import { challengeOf } from "../../../../src/backends/oci-http/instances/challenge.ts";
import { keepUpstreamName, upstreamNameIn } from "../../../../src/frontends/http/requests/upstream-name.ts";

const query = new URLSearchParams("ns=localhost:5000");

test("the API and the token endpoint read the name of an upstream, pages do not", () => {
  expect(upstreamNameIn("/v2/team/app/tags/list", query)).toBe("localhost:5000");
  expect(upstreamNameIn("/v2/", query)).toBe("localhost:5000");
  expect(upstreamNameIn("/token", query)).toBe("localhost:5000");
  expect(upstreamNameIn("/", query)).toBeUndefined();
  expect(upstreamNameIn("/v2/", new URLSearchParams("n=1"))).toBeUndefined();
});

test("what leads a client to its next request keeps the name of the upstream", () => {
  const headers = new Headers({
    Location: "/v2/team/app/blobs/uploads/1?state=2",
    Link: '</v2/team/app/tags/list?n=1&last=a>; rel="next"',
    "WWW-Authenticate": challengeOf("Bearer", "https://mirror.test/path", {
      permission: "pull",
      repository: "team/token" as never,
    }),
  });
  keepUpstreamName(headers, "localhost:5000");
  expect(headers.get("Location")).toBe("/v2/team/app/blobs/uploads/1?state=2&ns=localhost%3A5000");
  expect(headers.get("Link")).toBe('</v2/team/app/tags/list?n=1&last=a&ns=localhost%3A5000>; rel="next"');
  expect(headers.get("WWW-Authenticate")).toBe(
    'Bearer realm="https://mirror.test/path/token?ns=localhost%3A5000",service="mirror.test/path",scope="repository:team/token:pull"',
  );
});

test("a Basic challenge and the address of another host stay as they are", () => {
  const headers = {
    Location: "https://bucket.test/blob?signed",
    "WWW-Authenticate": 'Basic realm="Everlock"',
  };
  const kept = new Headers(headers);
  keepUpstreamName(kept, "docker.io");
  expect(kept).toEqual(new Headers(headers));
});
