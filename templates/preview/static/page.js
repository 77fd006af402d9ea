// The page as the server has it now, put over the one that is shown; and what the page says of itself.

import { morph } from "./morph.js";

const shown = [];
const pending = new Set();
let isRunning = false, isWanted = false, isSaving = false, edition = 0;

/** When the checks are through with the issue as it is shown; the server tells when they are. */
export async function checked() {
  while (document.getElementById("issue")?.dataset.isChecked === "no") {
    await new Promise((done) => setTimeout(done, 60));
    await refresh();
  }
}

/** Calls `then` after every time that the page was made anew, and once now. */
export function whenShown(then) {
  shown.push(then);
  then();
}

/** What has to be done before the page counts as up to date. */
export function until(work) {
  pending.add(work);
  work.finally(() => pending.delete(work));
  return work;
}

/** When everything is saved and shown. */
export async function settled() {
  while (pending.size) await Promise.allSettled(pending);
}

/** Until what is being saved is saved, no page is shown: not even one that was asked for before would have it. */
export function saving(work) {
  isSaving = true;
  edition += 1;
  work.finally(() => {
    isSaving = false;
    refresh();
  });
  until(work);
}

/** Fetches the page and shows what differs. Called while it runs, it runs once more afterwards. */
export function refresh() {
  isWanted = true;
  if (!isRunning) until(run());
  return settled();
}

async function run() {
  isRunning = true;
  try {
    while (isWanted && !isSaving) {
      isWanted = false;
      await takeOver();
    }
  } finally {
    isRunning = false;
  }
}

async function takeOver() {
  const at = location.href, asked = edition;
  let answer, text;
  try {
    answer = await fetch(at, { headers: { Accept: "text/html" } });
    text = await answer.text();
  } catch {
    return; // The desk is gone; live.js says so.
  }
  // The editor looks at it otherwise by now, or has changed something: another page is on its way.
  if (at !== location.href || asked !== edition) return;
  if (!answer.headers.get("content-type")?.startsWith("text/html")) return;
  const page = new DOMParser().parseFromString(text, "text/html");
  const focused = document.activeElement?.id;
  document.title = page.title;
  morph(document.head.querySelector("[name=newsletter-token]"), page.head.querySelector("[name=newsletter-token]"));
  morph(document.body, page.body);
  restoreFocus(focused);
  for (const then of shown) then();
}

function restoreFocus(id) {
  const before = id ? document.getElementById(id) : null;
  // A button that was just disabled still counts as focused, for a moment.
  if (!id || (before === document.activeElement && !before.disabled)) return;
  const handle = before?.closest("[data-post]")?.querySelector("[data-handle]");
  const wanted = before && !before.disabled ? before : handle;
  wanted?.focus({ preventScroll: true });
}

/** Tells, without taking the focus, for a few seconds. */
export function say(words) {
  if (!words) return;
  const line = document.createElement("p");
  line.textContent = words;
  document.getElementById("says").replaceChildren(line);
  setTimeout(() => line.remove(), 6000);
}

/** Tells what went wrong, until it is put away or something works again. */
export function complain({ problem, fix }) {
  const words = document.createElement("p");
  words.textContent = [problem, fix].filter(Boolean).join("\n");
  const close = document.createElement("button");
  Object.assign(close, { type: "button", className: "button small", textContent: "Close" });
  close.addEventListener("click", quiet);
  document.getElementById("alerts").replaceChildren(words, close);
}

export function quiet() {
  document.getElementById("alerts").replaceChildren();
}
