import { s3Content } from "../../../../../support/s3-content.ts";
import { sharedS3Server } from "../../../../../support/s3-server.ts";
import { describeWith } from "../../../../../support/tools.ts";
import { describeBlobs } from "../../../contract/describe-blobs.ts";
import { describeUploads } from "../../../contract/describe-uploads.ts";

describeWith(["versitygw"], "content in a bucket", () => {
  const nextLocation = sharedS3Server();
  const engine = { name: "s3", create: () => s3Content(nextLocation()) };
  describeBlobs(engine);
  describeUploads(engine);
});
