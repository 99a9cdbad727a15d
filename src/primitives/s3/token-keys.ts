import { readFileSync } from "node:fs";
import { ask, type Role, roleKeys } from "./role-keys.ts";
import { parseAssumedRole } from "./s3-xml.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Keys of a role for a token of Kubernetes, as EKS gives to service accounts (STS API, AssumeRoleWithWebIdentity); `undefined` if there is none. */
export function tokenKeys(environment: Environment): Role | undefined {
  const file = environment["AWS_WEB_IDENTITY_TOKEN_FILE"];
  const role = environment["AWS_ROLE_ARN"];
  if (!file || !role) return undefined;
  const region = environment["AWS_REGION"] || environment["AWS_DEFAULT_REGION"];
  const usual = region ? `https://sts.${region}.amazonaws.com` : "https://sts.amazonaws.com";
  const service = environment["AWS_ENDPOINT_URL_STS"] || usual;
  const fetch = async () => {
    const query = new URLSearchParams({
      Action: "AssumeRoleWithWebIdentity",
      Version: "2011-06-15",
      RoleArn: role,
      RoleSessionName: environment["AWS_ROLE_SESSION_NAME"] || "everlock",
      // Read each time: Kubernetes renews it.
      WebIdentityToken: readFileSync(file, "utf8").trim(),
    });
    const headers = { "Content-Type": "application/x-www-form-urlencoded" };
    const text = await ask(service, { method: "POST", headers, body: query.toString() });
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = parseAssumedRole(text);
    return roleKeys({ accessKeyId, secretAccessKey }, sessionToken, expiration);
  };
  return { name: `the role ${role}, from ${service}`, fetch };
}
