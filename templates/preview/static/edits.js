// Edits go to the file one after another, each with the version of the file that the editor saw when it was made. So
// two people, or a person and a program, cannot overwrite each other unseen: the server says where both changed the same.

import { complain, quiet, saving, say } from "./page.js";
import { post } from "./writes.js";

const SAVED_AFTER_MS = 120;
const waiting = new Map();
let isSending = false;

const issue = () => document.getElementById("issue");
const version = () => issue().dataset.version;

/** Sends an edit; of one that waits under the same name only the last counts. `done` gets whether it was taken. */
export function enqueue(name, edit, { base = version(), says = "", done = () => {} } = {}) {
  const before = waiting.get(name);
  waiting.set(name, { edit, base: before?.base ?? base, says, done });
  send();
}

function send() {
  if (!isSending) saving(sendAll());
}

async function sendAll() {
  isSending = true;
  while (waiting.size) {
    const [name, one] = waiting.entries().next().value;
    waiting.delete(name);
    const said = await post(`/issues/${issue().dataset.issue}/edits`, { version: one.base, edit: one.edit });
    if (said.ok) taken(one, said);
    else if (said.conflict) await settle(one, said);
    else {
      complain(said);
      one.done(false);
    }
  }
  isSending = false;
}

function taken(one, said) {
  // What the others were based on differs from the new version by this edit alone.
  for (const other of waiting.values()) if (other.base === one.base) other.base = said.version;
  for (const field of document.querySelectorAll("[data-dirty]")) {
    if (field.dataset.dirty === one.base) field.dataset.dirty = said.version;
  }
  issue().dataset.version = said.version;
  quiet();
  say(one.says || said.says);
  one.done(true);
}

/** Shows both sides and lets the editor choose. */
function settle(one, { conflict, version: now }) {
  const dialog = document.getElementById("conflict");
  document.getElementById("conflict-says").textContent = conflict.says;
  document.getElementById("conflict-yours").textContent = conflict.yours;
  document.getElementById("conflict-theirs").textContent = conflict.theirs;
  dialog.showModal();
  return new Promise((chosen) => {
    const decide = (keepsYours) => {
      dialog.removeEventListener("close", close);
      dialog.close();
      if (keepsYours) waiting.set(Symbol("kept"), { ...one, base: now });
      else one.done(true);
      chosen();
    };
    const close = () => decide(false);
    dialog.addEventListener("close", close);
    document.getElementById("keep-yours").onclick = () => decide(true);
    document.getElementById("keep-theirs").onclick = () => decide(false);
  });
}

// --- fields ---

const timers = new WeakMap(), onTheWay = new WeakMap();

function editOf(field) {
  const text = field.value;
  const own = field.closest("[data-post]");
  const part = (name) => own.querySelector(`[data-part=${name}]`).value;
  switch (field.dataset.edit) {
    case "intro": return { do: "intro", markdown: text };
    case "section": return { do: "rename_section", section: Number(field.closest("[data-section]").dataset.section), title: text };
    case "override": return { do: "override", post: own.dataset.post, title: part("title"), summary: part("summary") };
    default: return { do: field.dataset.edit, text };
  }
}

function save(field) {
  clearTimeout(timers.get(field));
  const sent = field.value, base = field.dataset.dirty;
  if (base === undefined || onTheWay.get(field) === sent) return;
  onTheWay.set(field, sent);
  const done = (isTaken) => {
    if (onTheWay.get(field) === sent) onTheWay.delete(field);
    if (isTaken && field.value === sent) clean(field);
  };
  enqueue(field.id, editOf(field), { base, says: "Saved", done });
}

function clean(field) {
  field.defaultValue = field.value;
  delete field.dataset.dirty;
  delete field.dataset.isSaving;
}

/** An emptied subject is written by itself again; so it is not saved while somebody is about to type another. */
const waitsForMore = (field) => !field.value.trim() && ["subject", "preheader"].includes(field.dataset.edit);

document.addEventListener("input", (event) => {
  const field = event.target;
  if (!field.dataset.edit) return;
  if (!("dirty" in field.dataset)) field.dataset.dirty = version();
  field.dataset.isSaving = "yes";
  const count = document.querySelector(`[data-count-of="${field.id}"]`);
  if (count) count.textContent = [...field.value].length;
  clearTimeout(timers.get(field));
  if (!waitsForMore(field)) timers.set(field, setTimeout(() => save(field), SAVED_AFTER_MS));
});

document.addEventListener("change", (event) => {
  if (event.target.dataset.edit) save(event.target);
});

addEventListener("beforeunload", (event) => {
  if (document.querySelector("[data-dirty]")) event.preventDefault();
});
