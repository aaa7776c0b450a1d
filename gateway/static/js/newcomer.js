// Who may be meant, while a name or a number is typed in. The page asks the same after the post.

const PAUSE_MS = 300;
const WAIT_MS = 4_000;

const form = document.querySelector("[data-newcomer]");
const alike = form.querySelector("[data-alike]");
let pause;
let asked = 0;

async function look() {
  const mine = ++asked;
  const typed = new URLSearchParams(
    ["csrf_token", "station_id", "name", "phone"].map((name) => [name, form.elements[name].value]),
  );
  try {
    const answer = await fetch(form.dataset.newcomer, {
      method: "POST",
      body: typed,
      signal: AbortSignal.timeout(WAIT_MS),
    });
    const text = answer.ok && !answer.redirected ? await answer.text() : "";
    // Of two answers that overtake each other only the one to what stands there now is shown.
    if (mine === asked) alike.innerHTML = text;
  } catch {
    // No network, or too slow: the page asks when the form is sent.
  }
}

form.addEventListener("input", (event) => {
  if (event.isComposing || !["name", "phone"].includes(event.target.name)) return;
  clearTimeout(pause);
  pause = setTimeout(look, PAUSE_MS);
});
form.addEventListener("compositionend", () => {
  clearTimeout(pause);
  pause = setTimeout(look, PAUSE_MS);
});
