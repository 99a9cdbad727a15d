const SHOWN_MS = 1500;

/** A press on `<button data-copy="text">` copies the text. */
export function enableCopying(): void {
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-copy]") : null;
    if (button instanceof HTMLButtonElement) void copy(button);
  });
}

async function copy(button: HTMLButtonElement): Promise<void> {
  // Pressed again, the button may still show the outcome of the press before.
  const label = button.dataset["label"] ?? button.textContent;
  button.dataset["label"] = label;
  button.textContent = (await copied(button.dataset["copy"] ?? "")) ? "Copied" : "Failed";
  setTimeout(() => {
    button.textContent = label;
  }, SHOWN_MS);
}

/** Browsers have the clipboard over TLS and on this machine alone; elsewhere a selected text is copied. */
async function copied(text: string): Promise<boolean> {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Not allowed by the user; the older way needs no permission.
    }
  }
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  const isDone = document.execCommand("copy");
  field.remove();
  return isDone;
}
