import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { credentialSource } from "../../../src/primitives/s3/credential-source.ts";
import { RenewedKeys } from "../../../src/primitives/s3/role-credentials.ts";
import { afterThisTest } from "../../support/cleanup.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

/** A service of keys, and the requests that it got. */
function serve(answer: (request: Request, body: string) => Response) {
  const asked: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const body = await request.text();
      asked.push(`${request.method} ${new URL(request.url).pathname}`);
      return answer(request, body);
    },
  });
  afterThisTest(() => server.stop(true));
  return { url: `http://127.0.0.1:${server.port}`, asked };
}

const hour = () => new Date(Date.now() + 3_600_000).toISOString();
const body = (key: string) =>
  JSON.stringify({ AccessKeyId: key, SecretAccessKey: "secret", Token: "session", Expiration: hour() });
const KEYS = { accessKeyId: "role", secretAccessKey: "secret", sessionToken: "session" };

test("the keys of a container's role come from its service, with the token of a file that is read each time", async () => {
  const file = `${temporaryDirectory()}/token`;
  writeFileSync(file, "one\n");
  const { url, asked } = serve(({ headers }) =>
    headers.get("authorization") === "one" ? new Response(body("role")) : new Response("no", { status: 403 }),
  );
  const environment = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/v1/credentials`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file,
  };
  const source = credentialSource(undefined, { environment });
  expect(await source()).toEqual(KEYS);
  expect(await source()).toEqual(KEYS);
  expect(asked).toEqual(["GET /v1/credentials"]);
});

test("a container's service that is neither on this machine nor of AWS is not asked without TLS", async () => {
  const environment = { AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://192.0.2.1/keys" };
  const source = credentialSource(undefined, { environment });
  expect(source()).rejects.toThrow("neither https nor a host of AWS's services");
});

test("the keys of a machine's role come from version 2 of its metadata service", async () => {
  const { url, asked } = serve(({ method, url: text, headers }) => {
    if (method === "PUT") return new Response("token");
    if (headers.get("x-aws-ec2-metadata-token") !== "token") return new Response("", { status: 401 });
    return new Response(text.endsWith("/everlock") ? body("role") : "everlock\n");
  });
  const environment = { AWS_EC2_METADATA_SERVICE_ENDPOINT: url };
  expect(await credentialSource(undefined, { environment })()).toEqual(KEYS);
  const roles = "/latest/meta-data/iam/security-credentials/";
  expect(asked).toEqual(["PUT /latest/api/token", `GET ${roles}`, `GET ${roles}everlock`]);
});

test("the keys of a Kubernetes service account's role come from STS", async () => {
  const file = `${temporaryDirectory()}/token`;
  writeFileSync(file, "jwt");
  let sent = "";
  const { url } = serve((_, text) => {
    sent = text;
    return new Response(
      `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
         <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>role</AccessKeyId>
         <SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken>
         <Expiration>${hour()}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
       </AssumeRoleWithWebIdentityResponse>`,
    );
  });
  const environment = {
    AWS_WEB_IDENTITY_TOKEN_FILE: file,
    AWS_ROLE_ARN: "arn:aws:iam::1:role/everlock",
    AWS_ENDPOINT_URL_STS: url,
  };
  expect(await credentialSource(undefined, { environment })()).toEqual(KEYS);
  expect(Object.fromEntries(new URLSearchParams(sent))).toMatchObject({
    Action: "AssumeRoleWithWebIdentity",
    RoleArn: environment.AWS_ROLE_ARN,
    WebIdentityToken: "jwt",
  });
});

test("a role without keys is named with what its service says", async () => {
  const { url } = serve(() => new Response("no such role", { status: 404 }));
  const environment = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/keys` };
  const source = credentialSource(undefined, { environment });
  expect(source()).rejects.toThrow(
    /^there are no keys for the object store: the role of the container, from .*: .* says 404 no such role$/,
  );
});

test("keys of a role are renewed in the background before they end, and fetched again when they were refused", async () => {
  let [now, count, fails] = [0, 0, false];
  const keys = new RenewedKeys(
    {
      name: "role",
      fetch: async () => {
        if (fails) throw new Error("away");
        const credentials = { accessKeyId: `key-${++count}`, secretAccessKey: "secret" };
        return { credentials, expires: new Date(now + 3_600_000) };
      },
    },
    () => now,
  );
  const key = async (wereRefused?: boolean) => (await keys.current(wereRefused)).accessKeyId;
  expect([await key(), await key()]).toEqual(["key-1", "key-1"]);
  now = 3_300_000;
  expect(await key()).toBe("key-1");
  await Promise.resolve();
  expect(await key()).toBe("key-2");
  now += 10_000;
  expect([await key(true), await key(true)]).toEqual(["key-3", "key-3"]);
  fails = true;
  now += 3_500_000;
  // They are still valid.
  expect(await key()).toBe("key-3");
  now += 200_000;
  expect(key()).rejects.toThrow("role: away");
});
