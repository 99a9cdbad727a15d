/** Pause (ms) after a key before the search is sent. */
const PAUSE_MS = 120;

/**
 * A form `<form data-live="id">` is sent while its user types, and the element with this id is replaced by that of the page that
 * comes back. The address follows, so that it can be shared.
 */
export function enableLiveSearch(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-live]")) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let running: AbortController | undefined;
    const search = async () => {
      running?.abort();
      running = new AbortController();
      await replace(form, running.signal);
    };
    form.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => void search(), PAUSE_MS);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      clearTimeout(timer);
      void search();
    });
  }
}

async function replace(form: HTMLFormElement, signal: AbortSignal): Promise<void> {
  const address = new URL(form.action);
  for (const [name, value] of new FormData(form))
    if (typeof value === "string" && value !== "") address.searchParams.set(name, value);
  try {
    const response = await fetch(address, { signal });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const id = form.dataset["live"] ?? "";
    const [before, after] = [document.getElementById(id), page.getElementById(id)];
    // A page without the list, such as that of an error, is shown as a whole.
    if (!before || !after) location.assign(address);
    else before.replaceWith(document.adoptNode(after));
    history.replaceState(null, "", address);
  } catch {
    if (!signal.aborted) location.assign(address);
  }
}
