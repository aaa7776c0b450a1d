// A button that copies a field; without scripts the field is copied by hand. Older browsers of phones have no clipboard
// for pages, but copy what is selected.

const button = document.querySelector("[data-copy]");
const field = document.getElementById(button.dataset.copy);
button.hidden = false;
button.addEventListener("click", async () => {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    if (!document.execCommand("copy")) return;
  }
  document.querySelector("[data-copied]").hidden = false;
});
