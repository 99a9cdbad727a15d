import { expect, test } from "bun:test";
import { digestOf } from "../../../../../../src/primitives/digest.ts";
import { ContentKeys } from "../../../../../../src/primitives/store/engine/s3/content/content-keys.ts";
import type { UploadId } from "../../../../../../src/primitives/store/engine/upload-id.ts";
import { bodyOf } from "../../../../../support/body-of.ts";
import { eventually } from "../../../../../support/eventually.ts";
import { randomBytes } from "../../../../../support/random-bytes.ts";
import { contentEngine, keysIn } from "../../../../../support/s3-content.ts";
import { bucketAt, sharedS3Server } from "../../../../../support/s3-server.ts";
import { describeWith } from "../../../../../support/tools.ts";
import { openContent, SCOPE, STORE } from "../../../contract/engines.ts";

const ALICE = { user: "alice", network: "a" };

describeWith(["versitygw"], "limits of upload sessions on a bucket", () => {
  const nextLocation = sharedS3Server();

  test("allow as many again as other nodes have ended, and no more", async () => {
    const location = nextLocation();
    const open = () => openContent(contentEngine(bucketAt(location)), { user: 4, network: 100, all: 100 });
    const [first, second] = [await open(), await open()];
    const begin = () => first.uploads.create(SCOPE, "sha256", ALICE);
    const begun = [await begin(), await begin(), await begin(), await begin()] as UploadId[];
    for (const id of begun.slice(0, 3)) {
      const upload = (await second.uploads.find(id, SCOPE)) ?? expect.unreachable();
      const bytes = randomBytes(100);
      await second.uploads.append(upload, bodyOf(bytes), true);
      expect((await second.uploads.finish({ ...upload, size: 100 }, digestOf(bytes))).kind).toBe("stored");
    }
    const isTidy = async () =>
      (await keysIn(bucketAt(location), new ContentKeys(STORE).sessions)).length === 1;
    expect(await eventually(isTidy)).toBe(true);
    const again = await Promise.all([begin(), begin(), begin(), begin()]);
    expect(again.map((id) => typeof id)).toEqual(["string", "string", "string", "object"]);
  });
});
