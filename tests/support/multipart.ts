/** A part of a multipart/byteranges body, with its Content-Range. */
export interface ReceivedPart {
  readonly range: string;
  readonly bytes: Buffer;
}

/** The parts of a multipart/byteranges response; throws if it is not well formed to the last byte. */
export async function partsOf(response: Response): Promise<ReceivedPart[]> {
  const contentType = response.headers.get("Content-Type") ?? "";
  const [, boundary] = contentType.match(/^multipart\/byteranges; boundary=([0-9a-zA-Z]{1,70})$/) ?? [];
  if (boundary === undefined) throw new Error(`not multipart/byteranges: ${contentType}`);
  let rest = Buffer.from(await response.arrayBuffer());
  const take = (text: string) => {
    if (!rest.subarray(0, text.length).equals(Buffer.from(text)))
      throw new Error(`'${text}' expected, not '${rest.subarray(0, 200)}'`);
    rest = rest.subarray(text.length);
  };
  const parts: ReceivedPart[] = [];
  while (!rest.equals(Buffer.from(`\r\n--${boundary}--\r\n`))) {
    take(`${parts.length > 0 ? "\r\n" : ""}--${boundary}\r\nContent-Type: application/octet-stream\r\n`);
    const [head, range = "", first, last] =
      rest
        .subarray(0, 100)
        .toString("latin1")
        .match(/^Content-Range: (bytes (\d+)-(\d+)\/\d+)\r\n\r\n/) ?? [];
    if (head === undefined) throw new Error(`a Content-Range expected, not '${rest.subarray(0, 200)}'`);
    take(head);
    const length = Number(last) - Number(first) + 1;
    parts.push({ range, bytes: rest.subarray(0, length) });
    rest = rest.subarray(length);
  }
  return parts;
}
