import { expect, test } from "bun:test";
import { rawAnswer } from "../../../support/raw-answer.ts";
import { startTestServer } from "../../../support/test-server.ts";

const request = (...headers: string[]) =>
  ["GET /v2/ HTTP/1.1", ...headers, "Connection: close", "", ""].join("\r\n");

test("a request with more than one Host header gets 400, whatever they say", async () => {
  const { httpPort } = await startTestServer();
  for (const [first, second] of [
    ["localhost", "localhost"],
    ["localhost", "other.test"],
    ["other.test", "localhost"],
    ["localhost", ""],
    ["", "localhost"],
    [`localhost:${httpPort}`, ":80"],
  ]) {
    const answer = await rawAnswer(httpPort, request(`Host: ${first}`, `host: ${second}`));
    expect([first, second, answer]).toEqual([first, second, expect.stringMatching(/^HTTP\/1\.1 400 /)]);
    expect(answer).toContain('"message":"the request has more than one Host header"');
  }
});

test("a request with an empty Host header gets 400, and so does one without any", async () => {
  const { httpPort } = await startTestServer();
  const empty = await rawAnswer(httpPort, request("Host:"));
  expect(empty).toMatch(/^HTTP\/1\.1 400 /);
  expect(empty).toContain('"message":"the Host header is not a valid host name"');
  expect(await rawAnswer(httpPort, request())).toMatch(/^HTTP\/1\.1 400 /);
  expect(await rawAnswer(httpPort, "GET /v2/ HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.[01] 400 /);
});

test("a trusted proxy's host does not make up for two Host headers", async () => {
  const { httpPort } = await startTestServer([
    ...["--frontend-http-trusted-proxy", "127.0.0.1", "--frontend-http-proxy-host"],
  ]);
  const forwarded = "X-Forwarded-Host: localhost";
  expect(await rawAnswer(httpPort, request("Host: inner", forwarded))).toMatch(/^HTTP\/1\.1 401 /);
  expect(await rawAnswer(httpPort, request("Host: inner", "Host: inner", forwarded))).toMatch(
    /^HTTP\/1\.1 400 /,
  );
});
