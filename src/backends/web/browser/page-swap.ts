/** What of a page follows the moment that is shown; the control of that moment stays. */
const SWAPPED = ["main", ".brand", ".sections", ".account"];
/** Follows each swap. */
const SWAPPED_EVENT = "everlock:page";

let running: AbortController | undefined;
let shown = location.pathname + location.search;

/** Shows another page of this site without a reload. `keep`: what the history keeps of the page that is left. */
export async function swapTo(address: URL, keep: "both" | "new"): Promise<Document | undefined> {
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  try {
    const response = await fetch(address, { signal });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (!page.querySelector("main")) throw new Error("not a page");
    for (const part of SWAPPED) replacePart(part, page);
    document.title = page.title;
    if (keep === "both") history.pushState(null, "", address);
    else history.replaceState(null, "", address);
    shown = address.pathname + address.search;
    document.dispatchEvent(new CustomEvent(SWAPPED_EVENT));
    return page;
  } catch {
    if (!signal.aborted) location.assign(address);
    return undefined;
  }
}

function replacePart(selector: string, page: Document): void {
  const [before, after] = [document.querySelector(selector), page.querySelector(selector)];
  if (before && after) before.replaceWith(document.adoptNode(after));
}

/** The browser's way back shows what was swapped. `onSwap` gets the page. */
export function followHistory(onSwap: (page: Document) => void): void {
  addEventListener("popstate", () => {
    // A jump within the page leads here too.
    if (location.pathname + location.search === shown) return;
    void swapTo(new URL(location.href), "new").then((page) => page && onSwap(page));
  });
}
