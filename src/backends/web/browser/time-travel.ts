import { drawDays, type Range, readRange } from "./history-range.ts";
import { followHistory, swapTo } from "./page-swap.ts";

/** Pause (ms) after a key or a release of the slider before the page follows. */
const PAUSE_MS = 200;

/**
 * `<details class="past">` gets a slider over the registry's history when it is opened: the page follows when the slider is
 * released. The form beside it needs no reload either.
 */
export function enableTimeTravel(): void {
  const past = document.querySelector<HTMLDetailsElement>("details.past");
  const form = past?.querySelector("form");
  if (!past || !form) return;
  let slider: Slider | undefined;
  const update = (page: Document) => {
    const control = page.querySelector<HTMLDetailsElement>("details.past");
    const at = new URL(location.href).searchParams.get("at") ?? "";
    const field = form.elements.namedItem("at");
    if (field instanceof HTMLInputElement) field.value = at;
    const summary = past.querySelector("summary");
    if (summary) summary.textContent = at === "" ? "As of now" : "As of a past moment";
    slider?.moveTo(control?.dataset["at"]);
  };
  const show = async (at: string, keep: "both" | "new") => {
    const page = await swapTo(addressAt(at), keep);
    if (page) update(page);
  };
  const open = async () => {
    if (!past.open || slider) return;
    const range = await readRange(past.dataset["history"] ?? "");
    if (range && !slider) slider = new Slider(past, range, show);
  };
  past.addEventListener("toggle", () => void open());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const at = new FormData(form).get("at");
    void show(typeof at === "string" ? at.trim() : "", "both");
  });
  followHistory(update);
  void open();
}

/** The page of this address at another moment; see `queryKept`. */
function addressAt(at: string): URL {
  const address = new URL(location.href);
  const query = address.searchParams;
  const dropped = query.get("sort") === "size" ? ["sort", "descending"] : [];
  for (const name of ["cursor", "at", ...dropped]) query.delete(name);
  if (at !== "") query.set("at", at);
  address.hash = "";
  return address;
}

/** Each mark of the slider is one of these many seconds. */
const STEPS = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86_400];
const MAX_STEPS = 1000;

class Slider {
  readonly #input = document.createElement("input");
  readonly #output = document.createElement("output");
  readonly #range: Range;

  constructor(past: HTMLElement, range: Range, show: (at: string, keep: "both" | "new") => Promise<void>) {
    this.#range = range;
    const { first, end } = range;
    const step = STEPS.find((each) => (end - first) / each <= MAX_STEPS) ?? 86_400;
    Object.assign(this.#input, { type: "range", min: "0", step: String(step) });
    this.#input.max = String(Math.ceil((end - first) / step) * step);
    this.#input.setAttribute("aria-label", "Moment of the registry's history");
    let timer: ReturnType<typeof setTimeout> | undefined;
    let hasMoved = false;
    this.#input.addEventListener("input", () => this.#tell(this.#at));
    this.#input.addEventListener("change", () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        // The way back leads to what was shown before the slider moved.
        void show(this.#at, hasMoved ? "new" : "both");
        hasMoved = true;
      }, PAUSE_MS);
    });
    this.#input.addEventListener("blur", () => {
      hasMoved = false;
    });
    const box = document.createElement("div");
    box.className = "slider";
    // Of one day, there is nothing to compare.
    if (range.days.length > 1) box.append(drawDays(range));
    box.append(this.#input, this.#output);
    past.append(box);
    this.moveTo(past.dataset["at"]);
  }

  /** `seconds`: since the epoch; `undefined`: now. */
  moveTo(seconds: string | undefined): void {
    this.#input.value = seconds === undefined ? this.#input.max : String(Number(seconds) - this.#range.first);
    // The nearest mark may be minutes away from what the page shows.
    this.#tell(seconds === undefined ? "" : timeAt(Number(seconds)));
  }

  /** The moment as addresses have it. */
  get #at(): string {
    if (this.#input.value === this.#input.max) return "";
    return timeAt(this.#range.first + Number(this.#input.value));
  }

  #tell(at: string): void {
    const text = at === "" ? "now" : `${at.slice(0, 19).replace("T", " ")} UTC`;
    this.#output.value = text;
    this.#input.setAttribute("aria-valuetext", text);
  }
}

function timeAt(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}
