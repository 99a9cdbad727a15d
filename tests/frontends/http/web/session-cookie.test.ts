import { expect, test } from "bun:test";
import { sessionCookie, sessionTokenIn } from "../../../../src/frontends/http/web/session-cookie.ts";

test("over TLS the cookie is bound to the host, and one of a connection without TLS doesn't count", () => {
  const secure = { isSecure: true };
  expect(sessionCookie({ token: "t", seconds: 60 }, secure)).toBe(
    "__Host-everlock=t; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure",
  );
  expect(sessionTokenIn("a=b; __Host-everlock=t; c=d", secure)).toBe("t");
  expect(sessionTokenIn("everlock=t", secure)).toBeUndefined();
});

test("without TLS the cookie has another name", () => {
  const plain = { isSecure: false };
  expect(sessionCookie({ token: "", seconds: 0 }, plain)).toBe(
    "everlock=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax",
  );
  expect(sessionTokenIn("everlock=t", plain)).toBe("t");
  expect(sessionTokenIn(null, plain)).toBeUndefined();
});
