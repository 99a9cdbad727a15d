/** A line that one press copies. */
export function Copyable({ text, label = "Copy" }: { readonly text: string; readonly label?: string }) {
  return (
    <div class="copy">
      <code>{text}</code>
      <button type="button" class="quiet" data-copy={text} aria-label={`Copy: ${text}`}>
        {label}
      </button>
    </div>
  );
}
