import { expect, test } from "bun:test";
import type { S3Location } from "../../../../../../src/primitives/s3/s3-location.ts";
import { sharedSecret } from "../../../../../../src/primitives/store/engine/s3/shared/shared-secret.ts";
import { type Trouble, TroubledClient } from "../../../../../support/s3-node.ts";
import { bucketAt, sharedS3Server } from "../../../../../support/s3-server.ts";
import { describeWith } from "../../../../../support/tools.ts";

const NODES = 16;

const generate = async () => crypto.getRandomValues(new Uint8Array(32));

const hexOf = ({ bytes }: { readonly bytes: Uint8Array }) => Buffer.from(bytes).toString("hex");

/** The secret that one node gets, whose first writes have this trouble. */
function secretOfNode(location: S3Location, trouble: Trouble | undefined, writes: number) {
  const client = new TroubledClient(location);
  let left = writes;
  client.trouble = ({ method }) => (method === "PUT" && left-- > 0 ? trouble : undefined);
  return sharedSecret(client.bucket(), "token_key", generate);
}

describeWith(["versitygw"], "secrets in a bucket", () => {
  const nextLocation = sharedS3Server();

  test("are those of one node for all of many that start at the same moment", async () => {
    for (let round = 0; round < 5; round++) {
      const bucket = bucketAt(nextLocation());
      const nodes = Array.from({ length: NODES }, () => sharedSecret(bucket, "token_key", generate));
      expect(new Set((await Promise.all(nodes)).map(hexOf)).size).toBe(1);
    }
  });

  test("are the same for all nodes although requests are lost, and responses of writes that were done", async () => {
    const location = nextLocation();
    const troubles = [undefined, "lost", "unanswered"] as const;
    const nodes = Array.from({ length: NODES }, (_, i) =>
      secretOfNode(location, troubles[i % troubles.length], 2),
    );
    const secrets = new Set((await Promise.all(nodes)).map(hexOf));
    expect(secrets).toEqual(
      new Set([hexOf((await bucketAt(location).read("secrets/token_key")) ?? expect.unreachable())]),
    );
  });

  test("are an error of the start where the object store stays away, and nothing is made up", async () => {
    const location = nextLocation();
    await expect(secretOfNode(location, "lost", 1000)).rejects.toThrow("the network is cut off");
    expect(await bucketAt(location).read("secrets/token_key")).toBeUndefined();
  });

  test("are named by their URL in messages", async () => {
    const location = { ...nextLocation(), prefix: "a/b" };
    const { place } = await sharedSecret(bucketAt(location), "token_key", generate);
    expect(place).toBe("s3://everlock/a/b/secrets/token_key");
  });
});
