// A button that prints; without scripts the page says where to find it in the browser's menu.

const button = document.querySelector("[data-print]");
button.hidden = false;
button.focus(); // one key prints
document.querySelector("[data-by-menu]").hidden = true;
button.addEventListener("click", () => window.print());
