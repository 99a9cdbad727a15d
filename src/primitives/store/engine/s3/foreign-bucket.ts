import { ExpectedError } from "../../../expected-error.ts";

/** What is in the bucket is not what this version of Everlock keeps there. */
export class ForeignBucketError extends ExpectedError {
  override readonly name = "ForeignBucketError";
  override readonly kind = "unusable";
}
