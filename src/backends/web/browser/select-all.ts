/** `<input type="checkbox" data-select-all>` checks, and unchecks, the check boxes of its form. */
export function enableSelectAll(): void {
  document.addEventListener("change", ({ target }) => {
    if (!(target instanceof HTMLInputElement) || !target.form) return;
    const boxes = [...target.form.elements].filter(
      (element) => element instanceof HTMLInputElement && element.type === "checkbox",
    ) as HTMLInputElement[];
    const [all] = boxes.filter((box) => box.dataset["selectAll"] !== undefined);
    const rows = boxes.filter((box) => box !== all);
    if (!all) return;
    if (target === all) for (const box of rows) box.checked = all.checked;
    all.checked = rows.every((box) => box.checked);
    all.indeterminate = !all.checked && rows.some((box) => box.checked);
  });
}
