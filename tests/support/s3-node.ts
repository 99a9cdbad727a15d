import { S3Bucket } from "../../src/primitives/s3/s3-bucket.ts";
import { S3Client } from "../../src/primitives/s3/s3-client.ts";
import { S3UnavailableError } from "../../src/primitives/s3/s3-errors.ts";
import type { S3Response } from "../../src/primitives/s3/s3-exchange.ts";
import type { S3Location } from "../../src/primitives/s3/s3-location.ts";
import type { S3Request } from "../../src/primitives/s3/s3-request.ts";
import { TEST_KEYS } from "./s3-server.ts";

/** What a node's network does with a request. */
export type Trouble =
  /** It does not arrive. */
  | "lost"
  /** It is done, but no response comes. */
  | "unanswered";

/** The client of one node, whose network fails when a test says so. */
export class TroubledClient extends S3Client {
  /** Asked before each request. */
  trouble: (request: S3Request) => Trouble | undefined | Promise<undefined> = () => undefined;
  /** What becomes of each response. */
  respond: (response: S3Response) => S3Response = (response) => response;

  /** How much later it is for this node, by the store's clock. */
  aheadMs = 0;

  override get storeTime(): Date {
    return new Date(super.storeTime.getTime() + this.aheadMs);
  }

  constructor(location: S3Location) {
    super(location, () => TEST_KEYS);
  }

  override async send(request: S3Request): Promise<S3Response> {
    const trouble = await this.trouble(request);
    if (trouble === "lost") throw new S3UnavailableError("the network is cut off");
    const response = await super.send(request);
    if (trouble === "unanswered") throw new S3UnavailableError("no response came");
    return this.respond(response);
  }

  /** All bytes come by way of `send`. */
  override async download(): Promise<undefined> {
    return undefined;
  }

  bucket(): S3Bucket {
    return new S3Bucket(this);
  }
}
