import { DirectResponse } from "../net/direct-response.ts";
import type { ByteRange } from "./byte-range.ts";
import type { ByteReader } from "./response-body.ts";
import type { SignedRequest } from "./s3-signer.ts";

/** A response to a request for a range. Without a download where it is not just these bytes. */
export interface DownloadResponse {
  readonly head: Response;
  readonly download: ByteReader | undefined;
}

/** Asks for a range of an object without TLS. Rejects where no response comes within `ms` milliseconds. */
export async function openPlainDownload(
  { url: text, headers }: SignedRequest,
  range: ByteRange,
  ms: number,
): Promise<DownloadResponse> {
  const url = new URL(text);
  const response = await DirectResponse.open(
    {
      hostname: url.hostname.replaceAll(/[[\]]/g, ""),
      port: Number(url.port || 80),
      path: `${url.pathname}${url.search}`,
      headers: [["Host", url.host], ...headers],
    },
    ms,
  );
  const head = new Response(null, { status: response.status, headers: response.headers });
  const isWanted = holdsOnly(response, range);
  if (!isWanted) await response.cancel();
  return { head, download: isWanted ? response : undefined };
}

/** Whether the body consists of the bytes of the range and nothing else. */
function holdsOnly({ status, headers, length }: DirectResponse, { first, last }: ByteRange): boolean {
  return (
    status === 206 &&
    length === last - first + 1 &&
    (headers.get("content-range") ?? "").startsWith(`bytes ${first}-${last}/`) &&
    headers.get("content-encoding") === null
  );
}
