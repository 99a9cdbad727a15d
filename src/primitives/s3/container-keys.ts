import { readFileSync } from "node:fs";
import { ask, parseRoleKeys, type Role } from "./role-keys.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The service of ECS, for addresses without a host. */
const ECS = "http://169.254.170.2";
/** The hosts that may be asked without TLS: this machine, and the services of ECS and EKS. */
const HOSTS = /^(localhost|127(\.\d{1,3}){3}|\[::1\]|169\.254\.170\.(2|23)|\[fd00:ec2::23\])$/;

/** Keys of the role of a container (AWS SDKs Reference Guide, "Container credential provider"); `undefined` if there is none. */
export function containerKeys(environment: Environment): Role | undefined {
  const relative = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"];
  const full = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"];
  const text = relative ? `${ECS}${relative}` : full;
  if (!text) return undefined;
  const fetch = async () => {
    const url = URL.parse(text);
    if (!url || (url.protocol !== "https:" && !HOSTS.test(url.hostname)))
      throw new Error("AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor a host of AWS's services");
    const authorization = authorizationIn(environment);
    return parseRoleKeys(await ask(url.href, { headers: authorization ? { authorization } : {} }));
  };
  return { name: `the role of the container, from ${text}`, fetch };
}

/** Read each time: EKS renews the file. */
function authorizationIn(environment: Environment): string | undefined {
  const file = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"];
  return file ? readFileSync(file, "utf8").trim() : environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"];
}
