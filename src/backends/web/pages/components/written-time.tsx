import { Time } from "./time.tsx";

/** A time as a client has written it; what is no time, as it is. */
export function WrittenTime({ text }: { readonly text: string }) {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? <span>{text}</span> : <Time date={new Date(ms)} />;
}
