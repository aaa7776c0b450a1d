// The roll call: finds while one types, ticks without loading the page, and keeps a tick that the network lost until it
// has an answer. Sent again it is the same tick. Without this script every button posts the form.

const form = document.querySelector("[data-roll]");
const box = document.getElementById("q");
const told = form.querySelector(".told");
const none = document.querySelector("[data-none]");
const more = document.querySelector("[data-more]");
const rows = () => [...form.querySelectorAll(".tick")];
const RETRY_MS = 4000;
// After a tick its opposite lies where the finger was: for so long a second tap of a nervous finger does nothing.
const REST_MS = 1200;
const OTHERS_MS = 8000;
const WAIT_MS = 6000;
const queue = [];
let sending = false;

document.querySelector("[data-scripted]").hidden = false;
box.select(); // a scanner's next code takes the place of this one

// crypto.randomUUID needs https, which a phone in the station's own network does not have.
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

// --- Finding: the same rules as gateway/pages/roll_lines.py, and for buildings as shared/buildings.py ---

const NUMERALS = "零一二三四五六七八九";
const BUILDING =
  /^第?([a-z]?)(\d{1,3}|[一二三四五六七八九]?十[一二三四五六七八九]?|[一二三四五六七八九])?(?:号?[栋幢座]|号楼|#楼?)$/;

function plain(text) {
  return text.normalize("NFKC").replace(/[\s\-']/g, "").toLowerCase();
}

// 6 of 6栋, 6号楼, 六幢 and 6#; nothing of what is called no building.
function buildingIn(text) {
  const [, letter = "", number = ""] = BUILDING.exec(text) ?? [];
  return letter + (number && valueOf(number));
}

function valueOf(number) {
  if (/^\d/.test(number)) return Number(number);
  const [ones, tens] = number.split("十").reverse();
  return 10 * (tens === undefined ? 0 : NUMERALS.indexOf(tens || "一")) + NUMERALS.indexOf(ones || "零");
}

function matches(row, wanted) {
  const { text, compound, building, letters, digits, code } = row.dataset;
  // Whose badge was read by the page is meant when it is scanned once more.
  if (code && code === wanted) return true;
  if (/^\d+$/.test(wanted) && digits.split(" ").some((number) => number.endsWith(wanted))) return true;
  if (/^[a-z]+$/.test(wanted) && letters.split(" ").some((part) => part.startsWith(wanted))) return true;
  if (plain(text).includes(wanted)) return true;
  const inside = plain(compound);
  return building !== "" && buildingIn(wanted.startsWith(inside) ? wanted.slice(inside.length) : wanted) === building;
}

// Whether the page is what the station has answered to this: then all of it is shown, and there is no more to find.
function isAnswered(wanted) {
  return wanted !== "" && wanted === plain(box.form.dataset.answered);
}

function filter() {
  const wanted = plain(box.value);
  const answered = isAnswered(wanted);
  for (const row of rows()) row.hidden = !answered && !matches(row, wanted);
  const left = rows().some((row) => !row.hidden);
  none.hidden = !wanted || left;
  if (more) more.hidden = !wanted || answered || !left;
}

box.addEventListener("input", filter);
// The form searches the whole station, whatever button sent it. Enter alone ticks, and only whom nobody can be taken for.
box.addEventListener("keydown", (event) => {
  const wanted = plain(box.value);
  if (event.key !== "Enter" || event.isComposing || !wanted) return;
  const left = rows().filter((row) => !row.hidden);
  const answered = isAnswered(wanted);
  if (left.length > 1 && answered) {
    event.preventDefault();
    return say("wait", "", form.dataset.several);
  }
  if (left.length !== 1) return;
  const [row] = left;
  if ("namesake" in row.dataset && !answered && row.dataset.code !== wanted) return;
  event.preventDefault();
  const button = row.querySelector(`[value^="${form.dataset.mode}."]`);
  if (button) tick(row, button.value);
  else say("plain", nameOf(row), row.querySelector(".when").textContent || form.dataset.nothing);
  box.value = "";
  filter();
  box.focus();
});

// Whom nobody on the roll is called like is registered under the name that stands there.
document.querySelector("[data-newcomer]")?.addEventListener("click", (event) => {
  const name = box.value.trim();
  if (none.hidden || !/^[\u3400-\u9fff·]{2,20}$/.test(name)) return;
  const address = new URL(event.currentTarget.href);
  address.searchParams.set("name", name);
  event.currentTarget.href = address.href;
});

// --- Ticking ---

form.addEventListener("click", (event) => {
  const button = event.target.closest('button[name="tick"]');
  if (!button) return;
  event.preventDefault();
  const member = button.value.split(".")[1];
  const row = button.closest(".tick") || rows().find((one) => one.dataset.member === member);
  if (row) tick(row, button.value);
});

function nameOf(row) {
  return row.querySelector("strong").textContent;
}

function tick(row, value) {
  const body = new URLSearchParams({ csrf_token: form.elements.csrf_token.value, id: newId(), tick: value });
  for (const button of row.querySelectorAll("button")) button.disabled = true;
  row.setAttribute("aria-busy", "true");
  queue.push({ row, body });
  send();
}

async function send() {
  if (sending || queue.length === 0) return;
  sending = true;
  const { row, body } = queue[0];
  try {
    const answer = await fetch(form.dataset.roll, { method: "POST", body, redirect: "manual" });
    if (answer.status >= 500 || answer.status === 429) throw new Error(String(answer.status));
    queue.shift();
    // Logged out meanwhile, or a page of another day: what it shows is not true any more.
    if (!answer.headers.get("Content-Type")?.includes("json")) return location.reload();
    const content = await answer.json();
    if (answer.ok) draw(row, content);
    else {
      say(content.kind, nameOf(row), content.words);
      free(row);
    }
    sending = false;
    send();
  } catch {
    say("wait", nameOf(row), form.dataset.waits);
    setTimeout(() => {
      sending = false;
      send();
    }, RETRY_MS);
  }
}

function free(row) {
  row.removeAttribute("aria-busy");
  for (const button of row.querySelectorAll("button")) button.disabled = false;
}

function redraw(row, { state, when, buttons }) {
  row.classList.replace(row.dataset.state, state);
  row.dataset.state = state;
  row.querySelector(".when").textContent = when;
  row.querySelector(".acts").replaceChildren(
    ...buttons.map(([value, text, look]) => made(value, text, look, `${nameOf(row)} ${text}`)),
  );
}

function rest(row) {
  row.dataset.rests = "";
  for (const button of row.querySelectorAll("button")) button.disabled = true;
  setTimeout(() => {
    delete row.dataset.rests;
    free(row);
  }, REST_MS);
}

function draw(row, { kind, words, undo, ...content }) {
  redraw(row, content);
  // What is asked now tells of this tick too.
  drawn += 1;
  rest(row);
  say(kind, nameOf(row), words, undo);
  count();
}

function made(value, text, look, label) {
  const button = document.createElement("button");
  button.className = `button ${look}`;
  button.name = "tick";
  button.value = value;
  button.textContent = text;
  if (label) button.setAttribute("aria-label", label);
  return button;
}

function say(kind, name, words, undo) {
  const panel = document.createElement("section");
  panel.className = `panel ${kind} small`;
  const sentence = document.createElement("p");
  const who = document.createElement("strong");
  who.textContent = name;
  sentence.append(who, ` ${words}`);
  panel.append(sentence);
  if (undo) panel.append(made(undo, form.dataset.undo, "second"));
  told.replaceChildren(panel);
}

// What the server counted, and what was ticked on this page since.
const first = { arrived: countRows("arrived"), there: countRows("there") };
const shown = Object.fromEntries(
  [...document.querySelectorAll("[data-count]")].map((place) => [place.dataset.count, Number(place.textContent)]),
);

function countRows(what) {
  return rows().filter(({ dataset }) => (what === "there" ? dataset.state === "open" : dataset.state !== "absent")).length;
}

function count() {
  for (const place of document.querySelectorAll("[data-count]")) {
    const what = place.dataset.count;
    place.textContent = shown[what] + countRows(what) - first[what];
  }
}

// --- What others tick meanwhile ---

let tag = "";
let drawn = 0;

// Rows that a finger is at are left alone, and so is all of it when a tick came between: the next answer knows of it.
async function askForOthers() {
  if (document.hidden || queue.length) return;
  const before = drawn;
  const headers = tag ? { "If-None-Match": tag } : {};
  const answer = await fetch(form.dataset.standing, { headers, signal: AbortSignal.timeout(WAIT_MS), cache: "no-store" });
  if (answer.status !== 200 || answer.redirected) return;
  const content = await answer.json();
  if (queue.length || drawn !== before) return;
  let busy = false;
  for (const row of rows()) {
    const now = content.rows[row.dataset.member];
    if (!now || isSo(row, now)) continue;
    if ("rests" in row.dataset || row.contains(document.activeElement)) {
      busy = true;
      continue;
    }
    redraw(row, now);
    rest(row);
  }
  tag = busy ? "" : answer.headers.get("ETag") ?? "";
  Object.assign(shown, content.counts);
  for (const what of ["arrived", "there"]) first[what] = countRows(what);
  count();
}

function isSo(row, { state, when, buttons }) {
  const values = [...row.querySelectorAll('button[name="tick"]')].map((button) => button.value);
  const wanted = buttons.map(([value]) => value);
  return row.dataset.state === state && row.querySelector(".when").textContent === when && `${values}` === `${wanted}`;
}

async function goOn() {
  try {
    await askForOthers();
  } catch {
    // Without a network there is nothing new; a tick says so.
  }
  setTimeout(goOn, OTHERS_MS);
}

setTimeout(goOn, OTHERS_MS);
window.addEventListener("online", send);
window.addEventListener("beforeunload", (event) => queue.length && event.preventDefault());
