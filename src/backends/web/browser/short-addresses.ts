/** The empty fields of a form are left out of the address that it leads to. */
export function enableShortAddresses(): void {
  document.addEventListener("formdata", (event) => {
    const { target, formData } = event;
    if (!(target instanceof HTMLFormElement) || target.method !== "get") return;
    for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
  });
}
