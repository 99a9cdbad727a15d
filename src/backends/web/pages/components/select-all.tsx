/** The check box in the head of a table that checks those of its rows; it needs scripts, and is not there without them. */
export function SelectAll() {
  return (
    <input type="checkbox" class="needs-script" data-select-all="" aria-label="Select all on this page" />
  );
}
