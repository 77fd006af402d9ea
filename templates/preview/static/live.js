// Hears of every change on the disk and in the store, and shows it. A hidden page does not listen: browsers allow only
// a few open connections to one server, and an editor may have many pages open.

import { refresh } from "./page.js";

const HEARD_AS_ONE_MS = 40;
let source = null, timer = 0;

function soon() {
  clearTimeout(timer);
  timer = setTimeout(refresh, HEARD_AS_ONE_MS);
}

/** Not where all that changed is an issue's file, and it is as this page has it: its own edit, as a rule. */
function concernsUs({ issues = [], versions = {}, is_wide: isWide = true }) {
  const mine = document.getElementById("issue")?.dataset;
  if (isWide || !mine) return true;
  return issues.includes(mine.issue) && versions[mine.issue] !== mine.version;
}

function tell(isLive, words) {
  const live = document.getElementById("live");
  live.dataset.isLive = isLive ? "yes" : "no";
  if (live.textContent !== words) live.textContent = words;
}

function listen() {
  if (source || document.hidden) return;
  source = new EventSource("/events");
  // The first time too: something may have changed between the page and the stream.
  source.addEventListener("hello", () => { tell(true, "Live"); soon(); });
  source.addEventListener("change", (event) => { if (concernsUs(JSON.parse(event.data))) soon(); });
  source.addEventListener("error", () => tell(false, "Not connected: is newsletter preview running?"));
}

function stopListening() {
  source?.close();
  source = null;
}

document.addEventListener("visibilitychange", () => (document.hidden ? stopListening() : listen()));
addEventListener("pagehide", stopListening);
addEventListener("pageshow", listen);
listen();
