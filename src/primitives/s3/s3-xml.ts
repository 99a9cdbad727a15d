/** An object as a listing shows it. */
export interface ListedObject {
  /** As the server has it, with the prefix. */
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** Opaque. */
  readonly etag: string;
  /** By the server's clock. */
  readonly modified: Date;
}

export interface ListedPage {
  readonly objects: readonly ListedObject[];
  /** The common prefixes, where a delimiter was given. */
  readonly prefixes: readonly string[];
  /** For the next page; `undefined` at the end. */
  readonly next: string | undefined;
}

export interface ListedUpload {
  readonly key: string;
  readonly id: string;
  readonly started: Date;
}

type Element = Readonly<Record<string, unknown>>;

/** Parses the body of an error; fields are missing if it is none (S3 API, "Error responses"). */
export function parseErrorBody(text: string): { readonly code?: string; readonly message?: string } {
  try {
    const error = elementOf(elementOf(Bun.XML.parse(text))["Error"]);
    const [code, message] = [textOf(error["Code"]), textOf(error["Message"])];
    return { ...(code !== "" && { code }), ...(message !== "" && { message }) };
  } catch {
    return {};
  }
}

/** Parses the response of ListObjectsV2. Throws for a body that is none. */
export function parseListing(text: string): ListedPage {
  const result = rootOf(text, "ListBucketResult");
  const next = textOf(result["NextContinuationToken"]);
  return {
    objects: listOf(result["Contents"]).map((entry) => ({
      key: textOf(entry["Key"]),
      size: Number(textOf(entry["Size"])),
      etag: textOf(entry["ETag"]),
      modified: new Date(textOf(entry["LastModified"])),
    })),
    prefixes: listOf(result["CommonPrefixes"]).map((entry) => textOf(entry["Prefix"])),
    next: textOf(result["IsTruncated"]) === "true" && next !== "" ? next : undefined,
  };
}

/** Parses the response of ListMultipartUploads. */
export function parseUploads(text: string): ListedUpload[] {
  return listOf(rootOf(text, "ListMultipartUploadsResult")["Upload"]).map((entry) => ({
    key: textOf(entry["Key"]),
    id: textOf(entry["UploadId"]),
    started: new Date(textOf(entry["Initiated"])),
  }));
}

/** The id in the response of CreateMultipartUpload. */
export function parseUploadId(text: string): string {
  return textOf(rootOf(text, "InitiateMultipartUploadResult")["UploadId"]);
}

/** The ETag in the response of CompleteMultipartUpload or CopyObject; `undefined` if the body is an error, sent with status 200. */
export function parseWritten(text: string): string | undefined {
  const root = elementOf(Bun.XML.parse(text));
  const result = root["CompleteMultipartUploadResult"] ?? root["CopyObjectResult"] ?? root["CopyPartResult"];
  return result === undefined ? undefined : textOf(elementOf(result)["ETag"]);
}

export interface UploadedPart {
  readonly number: number;
  readonly etag: string;
}

/** The body of CompleteMultipartUpload. */
export function writeCompletion(parts: readonly UploadedPart[]): string {
  const entries = parts.map(
    ({ number, etag }) => `<Part><PartNumber>${number}</PartNumber><ETag>${escaped(etag)}</ETag></Part>`,
  );
  return `<CompleteMultipartUpload>${entries.join("")}</CompleteMultipartUpload>`;
}

/** The body of DeleteObjects, which answers with errors alone. */
export function writeDeletion(keys: readonly string[]): string {
  const entries = keys.map((key) => `<Object><Key>${escaped(key)}</Key></Object>`);
  return `<Delete><Quiet>true</Quiet>${entries.join("")}</Delete>`;
}

/** What DeleteObjects could not delete, as words; empty if it deleted all. */
export function parseDeletionErrors(text: string): string[] {
  const result = elementOf(rootOf(text, "DeleteResult"));
  return listOf(result["Error"]).map((entry) => `${textOf(entry["Key"])}: ${textOf(entry["Code"])}`);
}

/** The keys in the response of AssumeRoleWithWebIdentity. Throws for a body that is none. */
export function parseAssumedRole(text: string): {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: string;
} {
  const result = rootOf(text, "AssumeRoleWithWebIdentityResponse")["AssumeRoleWithWebIdentityResult"];
  const keys = elementOf(elementOf(result)["Credentials"]);
  const accessKeyId = textOf(keys["AccessKeyId"]);
  if (accessKeyId === "") throw new Error("the response has no keys");
  return {
    accessKeyId,
    secretAccessKey: textOf(keys["SecretAccessKey"]),
    sessionToken: textOf(keys["SessionToken"]),
    expiration: textOf(keys["Expiration"]),
  };
}

function rootOf(text: string, name: string): Element {
  const root = elementOf(Bun.XML.parse(text));
  if (root[name] === undefined) throw new Error(`the object store's response is no ${name}`);
  return elementOf(root[name]);
}

/** An element without children is parsed to a string, one that is missing to `undefined`. */
function elementOf(value: unknown): Element {
  return typeof value === "object" && value !== null ? (value as Element) : {};
}

/** An element that occurs once is parsed to itself, one that occurs several times to an array. */
function listOf(value: unknown): Element[] {
  return value === undefined ? [] : [value].flat().map(elementOf);
}

function textOf(value: unknown): string {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return String(value);
  return textOfElement(elementOf(value));
}

/** The text of an element with attributes, such as a namespace. */
function textOfElement(element: Element): string {
  const text = element["#text"];
  return typeof text === "string" ? text : "";
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
