// Everything that changes something goes through here: with the token that only this page has.

import { checked, complain, quiet, refresh, say, settled } from "./page.js";

const GONE = {
  problem: "The desk does not answer.",
  fix: "Is `newsletter preview` still running? What you typed stays here; it is saved with your next change.",
};

/** What the server said: {ok, …}. Never throws. */
export async function post(url, body = {}) {
  const token = document.head.querySelector("[name=newsletter-token]").content;
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Newsletter-Token": token },
      body: JSON.stringify(body),
    });
    const isJson = answer.headers.get("content-type")?.startsWith("application/json");
    const said = isJson ? await answer.json() : { problem: await answer.text() };
    return { ok: answer.ok, ...said };
  } catch {
    return { ok: false, isGone: true, ...GONE };
  }
}

/** A button's own work: ask the server, tell what it said. */
async function press(button) {
  button.disabled = true;
  const said = await post(button.dataset.do, button.dataset.body ? JSON.parse(button.dataset.body) : {});
  button.disabled = false;
  if (!said.ok) return complain(said);
  quiet();
  if (button.dataset.then) return location.assign(said.then ?? button.dataset.then);
  say(said.says);
  await refresh();
}

async function answer(form) {
  const dialog = form.closest("dialog");
  const buttons = [...form.querySelectorAll("button")];
  for (const one of buttons) one.disabled = true;
  const said = await post(form.dataset.ask, Object.fromEntries(new FormData(form)));
  for (const one of buttons) one.disabled = false;
  form.querySelector("[data-refused]")?.remove();
  if (!said.ok) return refuse(form, said);
  dialog.close();
  quiet();
  if (said.reader) showAs(said.reader);
  say(said.says);
  await refresh();
}

function showAs(reader) {
  const at = new URL(location.href);
  at.searchParams.set("reader", reader);
  history.replaceState(null, "", at);
}

/** What is asked is about the issue as it is: first everything is saved and shown. */
async function ask(id) {
  await settled();
  await checked();
  document.getElementById(id).showModal();
}

function refuse(form, { problem, fix }) {
  const words = document.createElement("p");
  words.className = "notice";
  words.dataset.refused = "";
  words.setAttribute("role", "alert");
  words.textContent = [problem, fix].filter(Boolean).join("\n");
  form.querySelector(".row.end").before(words);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.do) press(button);
  if (button.dataset.open) ask(button.dataset.open);
  if ("close" in button.dataset) button.closest("dialog").close();
});

document.addEventListener("submit", (event) => {
  if (!event.target.dataset.ask) return;
  event.preventDefault();
  answer(event.target);
});
