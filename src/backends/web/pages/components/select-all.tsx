/** The check box in the head of a table that checks those of its rows; `form`: their form. It is there with scripts alone. */
export function SelectAll({ form }: { readonly form: string }) {
  return (
    <input
      type="checkbox"
      class="needs-script"
      data-select-all=""
      form={form}
      aria-label="Select all on this page"
    />
  );
}
