import { ask, parseRoleKeys, type Role } from "./role-keys.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const SERVICE = "http://169.254.169.254";
const ROLES = "/latest/meta-data/iam/security-credentials/";
/** Outside of AWS nobody answers. */
const TIMEOUT_MS = 2000;

/**
 * Keys of the role of an EC2 machine, by version 2 of its metadata service (EC2 user guide, "Use IMDSv2"); `undefined` where
 * it is not to be asked.
 */
export function machineKeys(environment: Environment, isAws: boolean): Role | undefined {
  const given = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"];
  if (environment["AWS_EC2_METADATA_DISABLED"]?.toLowerCase() === "true") return undefined;
  if (!given && !isAws) return undefined;
  const service = (given || SERVICE).replace(/\/$/, "");
  const fetch = async () => {
    const lifetime = { "X-aws-ec2-metadata-token-ttl-seconds": "300" };
    const token = await ask(`${service}/latest/api/token`, { method: "PUT", headers: lifetime }, TIMEOUT_MS);
    const headers = { "X-aws-ec2-metadata-token": token };
    const [role = ""] = (await ask(`${service}${ROLES}`, { headers }, TIMEOUT_MS)).split("\n");
    return parseRoleKeys(await ask(`${service}${ROLES}${role.trim()}`, { headers }, TIMEOUT_MS));
  };
  return { name: `the role of the machine, from ${service}`, fetch };
}
