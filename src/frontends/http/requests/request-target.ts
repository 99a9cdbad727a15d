/** Shared by all requests without a query; never changed. */
const NO_QUERY = new URLSearchParams();

export interface RequestTarget {
  /** Percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
}

/** The path and query of a request URL, which has no host if the Host header is not valid. */
export function splitTarget(url: string): RequestTarget {
  const start = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("://") + 3);
  const target = start < 0 ? "/" : url.slice(start);
  const mark = target.indexOf("?");
  return mark < 0
    ? { path: target, query: NO_QUERY }
    : { path: target.slice(0, mark), query: new URLSearchParams(target.slice(mark + 1)) };
}
