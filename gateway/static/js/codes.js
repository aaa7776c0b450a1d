// Rotating codes on the organizer's screen. Codes are fetched half an hour ahead, so the screen goes on
// in a basement without network; the server's clock counts, not the phone's.

const AHEAD_MINUTES = 30;
const REFILL_MS = 120_000;
const PRESENCE_MS = 8_000;
const WAIT_MS = 6_000;

const screen = document.querySelector("[data-code-screen]");
const drawing = screen.querySelector("[data-drawing]");
const countdown = screen.querySelector("[data-countdown]");
const offlineBadge = screen.querySelector("[data-offline]");
const emptyBadge = screen.querySelector("[data-empty]");
const { activity, site, direction, label, changes } = screen.dataset;

let codes = [];
let ahead = 0; // the server's clock minus this one, ms
let shown = null;
let presenceTag = "";
const failing = new Set();

const serverNow = () => Date.now() + ahead;

async function ask(url, headers = {}) {
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(WAIT_MS), cache: "no-store" });
  if (answer.redirected || isRefusal(answer.status)) giveUp();
  return answer;
}

// An answer that asking again will not change: unlike a lost network, and unlike being too slow or too many.
const isRefusal = (status) => status >= 400 && status < 500 && status !== 408 && status !== 429;

// The activity is over, or the role is gone: its codes would only be refused. The page itself says why.
function giveUp() {
  codes = [];
  drawing.replaceChildren();
  location.reload();
}

async function refill(minutes) {
  const sent = Date.now();
  const answer = await ask(`${activity}/codes.json?site_id=${site}&direction=${direction}&minutes=${minutes}`);
  if (!answer.ok) throw new Error(answer.status);
  const found = await answer.json();
  ahead = found.server_now - (sent + Date.now()) / 2;
  codes = found.codes;
}

async function count() {
  const answer = await ask(`${activity}/presence.json`, presenceTag ? { "If-None-Match": presenceTag } : {});
  if (answer.status === 304) return;
  if (!answer.ok) throw new Error(answer.status);
  presenceTag = answer.headers.get("ETag") ?? "";
  const presence = await answer.json();
  if (presence.state !== "published") return giveUp();
  screen.querySelector("[data-arrived]").textContent = presence.arrived;
  screen.querySelector("[data-present]").textContent = presence.present;
}

function path({ side, bits }) {
  const bytes = atob(bits);
  const dark = (at) => (bytes.charCodeAt(at >> 3) >> (7 - (at & 7))) & 1;
  let drawn = "";
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      if (!dark(y * side + x)) continue;
      const start = x;
      while (x < side && dark(y * side + x)) x++;
      drawn += `M${start},${y}h${x - start}v1h${start - x}z`;
    }
  }
  return drawn;
}

function draw(code) {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  svg.setAttribute("class", "qr");
  svg.setAttribute("viewBox", `0 0 ${code.side} ${code.side}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  svg.setAttribute("shape-rendering", "crispEdges");
  const modules = document.createElementNS(namespace, "path");
  modules.setAttribute("d", path(code));
  svg.append(modules);
  drawing.replaceChildren(svg);
}

function tick() {
  const now = serverNow();
  const code = codes.find((one) => one.from <= now && now < one.until);
  emptyBadge.hidden = Boolean(code) || codes.length === 0;
  if (!code) {
    countdown.textContent = "";
    // An old code would only be refused: better none.
    if (codes.length) drawing.replaceChildren();
    return;
  }
  if (shown !== code.from) {
    shown = code.from;
    draw(code);
  }
  countdown.textContent = changes.replace("#", Math.ceil((code.until - now) / 1000));
}

// Repeats for as long as the page lives, one request at a time.
async function repeat(task, everyMs) {
  for (;;) {
    let next = everyMs;
    try {
      await task();
      failing.delete(task);
    } catch {
      failing.add(task);
      next = Math.min(everyMs, PRESENCE_MS);
    }
    // What one task reaches says nothing of the other's.
    offlineBadge.hidden = failing.size === 0;
    await new Promise((resolve) => setTimeout(resolve, next));
  }
}

async function stayAwake() {
  try {
    await navigator.wakeLock?.request("screen");
  } catch {
    // Refused, as on low battery: the organizer keeps the screen on by hand.
  }
}

document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && stayAwake());
stayAwake();
setInterval(tick, 250);
repeat(() => refill(AHEAD_MINUTES), REFILL_MS);
repeat(count, PRESENCE_MS);
