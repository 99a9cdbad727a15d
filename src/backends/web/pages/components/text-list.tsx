/** Names with their values, such as labels; nothing if there are none. */
export function TextList({
  title,
  texts,
}: {
  readonly title: string;
  readonly texts: readonly (readonly [string, string])[];
}) {
  if (texts.length === 0) return null;
  return (
    <details open={texts.length <= SHOWN}>
      <summary>
        {title} <span class="small soft">{texts.length}</span>
      </summary>
      <dl class="facts values">
        {texts.map(([name, value], i) => [
          <dt key={`${i} name`} class="mono">
            {name}
          </dt>,
          <dd key={`${i} value`} class="mono">
            {value}
          </dd>,
        ])}
      </dl>
    </details>
  );
}

/** Longer lists are folded. */
const SHOWN = 12;
