import { S3RefusedError } from "./s3-errors.ts";
import type { S3Location } from "./s3-location.ts";

/** What a refusal means, by its code where that is known, else in the words of the object store. */
export function refusalOf(
  { endpoint, bucket, region }: S3Location,
  code: string,
  words: string,
): S3RefusedError {
  const reasons: Readonly<Record<string, string>> = {
    NoSuchBucket: `the bucket '${bucket}' does not exist`,
    InvalidAccessKeyId: "it does not know the access key",
    // versitygw
    XAdminUserNotFound: "it does not know the access key",
    SignatureDoesNotMatch: "the secret key is wrong",
    ExpiredToken: "the temporary keys have expired",
    AccessDenied: `the keys may not use the bucket '${bucket}'`,
    RequestTimeTooSkewed: "the clock of this machine is wrong",
    AuthorizationHeaderMalformed: `the region '${region}' is wrong`,
  };
  return new S3RefusedError(
    code,
    `the object store ${endpoint} refuses the request: ${reasons[code] ?? words}`,
  );
}
