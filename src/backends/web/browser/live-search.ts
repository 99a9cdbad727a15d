/** Pause (ms) after a key before the search is sent. */
const PAUSE_MS = 120;

/**
 * A form `<form data-live="id">` is sent while its user types, and the element with this id is replaced by that of the page that
 * comes back. The address follows, so that it can be shared.
 */
export function enableLiveSearch(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: AbortController | undefined;
  const searchAfter = (form: HTMLFormElement, ms: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      running?.abort();
      running = new AbortController();
      void replace(form, running.signal);
    }, ms);
  };
  // On the document, as the forms are replaced with their page.
  document.addEventListener("input", (event) => {
    const form = liveForm(event);
    if (form) searchAfter(form, PAUSE_MS);
  });
  document.addEventListener("submit", (event) => {
    const form = liveForm(event);
    if (!form) return;
    event.preventDefault();
    searchAfter(form, 0);
  });
}

function liveForm({ target }: Event): HTMLFormElement | null {
  return target instanceof Element ? target.closest<HTMLFormElement>("form[data-live]") : null;
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
