import { describe, expect, test } from "bun:test";
import { isOfSameOrigin, mayUseSession } from "../../../../src/frontends/http/web/same-origin.ts";

describe("a request that changes something", () => {
  test.each([
    ["of the same origin", { "Sec-Fetch-Site": "same-origin" }, true],
    ["typed by the user", { "Sec-Fetch-Site": "none" }, true],
    ["of another site", { "Sec-Fetch-Site": "cross-site", Origin: "https://registry.example.org" }, false],
    ["of another host of the domain", { "Sec-Fetch-Site": "same-site" }, false],
    ["of the same origin in an older browser", { Origin: "https://registry.example.org" }, true],
    ["of the same host behind a proxy that ends TLS", { Origin: "http://registry.example.org" }, true],
    ["of another port", { Origin: "https://registry.example.org:8443" }, false],
    ["of a page without an origin", { Origin: "null" }, false],
    ["of a client that is no browser", {}, true],
  ])("%s: %p counts: %p", (_, headers, counts) => {
    const request = new Request("http://registry.example.org/", {
      method: "POST",
      headers: { ...headers },
    });
    expect(isOfSameOrigin(request, "registry.example.org")).toBe(counts);
  });

  test("reading is allowed from everywhere", () => {
    const request = new Request("http://a.test/", { headers: { "Sec-Fetch-Site": "cross-site" } });
    expect(isOfSameOrigin(request, "a.test")).toBe(true);
  });
});

describe("the session's cookie", () => {
  test.each([
    ["in a page of this origin", { "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors" }, true],
    [
      "in a link on a page of another site",
      { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate" },
      true,
    ],
    ["in an address that was typed", { "Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate" }, true],
    [
      "in a script of another host of the domain",
      { "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors" },
      false,
    ],
    [
      "in an image of another host of the domain",
      { "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors" },
      false,
    ],
    ["in a script of another origin, in an older browser", { Origin: "https://ui.example.org" }, false],
    ["in a script of another port", { Origin: "https://registry.example.org:8443" }, false],
    ["in a client that is no browser", {}, true],
  ])("%s: %p counts: %p", (_, headers, counts) => {
    const request = new Request("https://registry.example.org/", { headers: { ...headers } });
    expect(mayUseSession(request, "registry.example.org")).toBe(counts);
  });
});
