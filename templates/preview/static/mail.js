// The mail in its frame: shown when it is whole, as tall as it is, so that the place stays that an editor looks at.

import { refresh, whenShown } from "./page.js";

function fit(frame) {
  const page = frame.contentDocument?.documentElement;
  if (!page) return;
  frame.style.height = `${Math.ceil(page.getBoundingClientRect().height)}px`;
}

function shownFrame(stage) {
  return stage.querySelector("iframe:not(.is-waiting)");
}

function showMail() {
  const stage = document.getElementById("stage");
  if (!stage) return;
  const now = shownFrame(stage);
  if (now.dataset.isWatched !== "yes") watch(stage, now);
  now.title = stage.dataset.title;
  const waiting = stage.querySelector("iframe.is-waiting");
  const last = waiting ?? now;
  if (last.getAttribute("src") === stage.dataset.src) return fit(now);
  waiting?.remove();
  const next = document.createElement("iframe");
  next.className = "is-waiting";
  next.setAttribute("sandbox", stage.dataset.sandbox);
  next.title = stage.dataset.title;
  next.addEventListener("load", () => take(stage, next), { once: true });
  next.src = stage.dataset.src;
  stage.append(next);
}

function take(stage, next) {
  if (next.parentElement !== stage) return;
  const { scrollTop } = stage;
  fit(next);
  shownFrame(stage)?.remove();
  next.classList.remove("is-waiting");
  next.dataset.isWatched = "yes";
  stage.scrollTop = scrollTop;
}

function watch(stage, frame) {
  frame.dataset.isWatched = "yes";
  frame.addEventListener("load", () => fit(frame));
  new ResizeObserver(() => { const now = shownFrame(stage); if (now) fit(now); }).observe(stage);
}

// --- how it is looked at ---

const USUAL = { width: "desktop", scheme: "light", program: "plain", images: "on", reader: "ordinary", tab: "mail" };

function look(form) {
  const chosen = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value !== USUAL[name]) chosen.set(name, value);
  go(`?${chosen}`, { isNewPlace: false });
}

function go(address, { isNewPlace }) {
  history[isNewPlace ? "pushState" : "replaceState"](null, "", address);
  refresh();
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-look]");
  const asked = event.target.selectedOptions?.[0]?.dataset.open;
  if (asked) document.getElementById(asked).showModal();
  else if (form) look(form);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-swap]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go(link.href, { isNewPlace: true });
});

addEventListener("popstate", refresh);
whenShown(showMail);
