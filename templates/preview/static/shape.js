// The order of posts and sections: by the keyboard, by buttons, and by dragging a handle with any pointer.

import { enqueue } from "./edits.js";

const sections = () => [...document.querySelectorAll("[data-section]")];
const postsIn = (section) => [...section.querySelectorAll("[data-post]")];
const titleOf = (post) => post.querySelector(".post-title").textContent;
const nameOf = (section) => section.querySelector("[data-edit=section]").value || "the untitled section";

function placeOf(post) {
  const section = post.closest("[data-section]");
  return { number: Number(section.dataset.section), position: postsIn(section).indexOf(post) };
}

function move(post, number, position) {
  const section = sections()[number];
  const count = postsIn(section).filter((one) => one !== post).length + 1;
  const says = `“${titleOf(post)}” is now ${Math.min(position + 1, count)} of ${count} in ${nameOf(section)}`;
  place(post, section, position);
  enqueue(Symbol("move"), { do: "move_post", post: post.dataset.post, section: number, position }, { says });
}

/** At once, before the server has answered; the next page corrects it. */
function place(post, section, position) {
  const focused = document.activeElement;
  const others = postsIn(section).filter((one) => one !== post);
  section.querySelector("ol").insertBefore(post, others[position] ?? null);
  if (focused !== document.activeElement) focused.focus({ preventScroll: true });
}

/** One place up or down; beyond the end of a section into the next one. */
function step(post, by) {
  const { number, position } = placeOf(post);
  const last = postsIn(sections()[number]).length - 1;
  if (position + by >= 0 && position + by <= last) return move(post, number, position + by);
  const next = sections()[number + by];
  if (next) move(post, number + by, by > 0 ? 0 : postsIn(next).length);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  const post = button?.closest("[data-post]");
  if (!button) return;
  if (button.dataset.move) step(post, Number(button.dataset.move));
  if ("pin" in button.dataset) {
    const says = `“${titleOf(post)}” opens the issue`;
    enqueue(Symbol("pin"), { do: "pin_first", post: post.dataset.post }, { says });
  }
  if ("leaveOut" in button.dataset) leaveOut(post);
  if (button.dataset.takeIn) enqueue(Symbol("in"), { do: "take_in", post: button.dataset.takeIn }, { says: "Taken in" });
  if (button.dataset.moveSection) moveSection(button);
});

function leaveOut(post) {
  const neighbour = post.nextElementSibling ?? post.previousElementSibling;
  const says = `“${titleOf(post)}” is left out; it stands under Left out`;
  (neighbour?.querySelector("[data-leave-out]") ?? document.getElementById("main")).focus();
  enqueue(Symbol("out"), { do: "leave_out", post: post.dataset.post }, { says });
}

function moveSection(button) {
  const section = button.closest("[data-section]");
  const number = Number(section.dataset.section);
  const position = number + Number(button.dataset.moveSection);
  const says = `${nameOf(section)} is now section ${position + 1} of ${sections().length}`;
  enqueue(Symbol("section"), { do: "move_section", section: number, position }, { says });
}

document.addEventListener("keydown", (event) => {
  const post = event.target.closest?.("[data-handle]")?.closest("[data-post]");
  if (!post || !event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  event.preventDefault();
  step(post, event.key === "ArrowUp" ? -1 : 1);
});

// --- dragging ---

const EDGE_PX = 70;
let dragged = null;

document.addEventListener("pointerdown", (event) => {
  const handle = event.target.closest("[data-handle]");
  if (!handle || event.button) return;
  handle.setPointerCapture(event.pointerId);
  dragged = { post: handle.closest("[data-post]"), handle, startY: event.clientY, to: null };
});

document.addEventListener("pointermove", (event) => {
  if (!dragged || (!dragged.to && Math.abs(event.clientY - dragged.startY) < 4)) return;
  dragged.post.classList.add("is-dragged");
  if (event.clientY < EDGE_PX) scrollBy(0, -12);
  if (event.clientY > innerHeight - EDGE_PX) scrollBy(0, 12);
  aim(event.clientY);
});

/** The place before the first post whose middle is below the pointer, in the section that is nearest. */
function aim(y) {
  const section = sections().findLast((one) => one.getBoundingClientRect().top <= y) ?? sections()[0];
  const others = postsIn(section).filter((one) => one !== dragged.post);
  const middle = (one) => (one.getBoundingClientRect().top + one.getBoundingClientRect().bottom) / 2;
  const before = others.find((one) => middle(one) > y);
  dragged.to = { section, position: before ? others.indexOf(before) : others.length };
  clearMarks();
  (before ?? section.querySelector("ol")).classList.add(before ? "drop-before" : "drop-end");
}

function clearMarks() {
  for (const one of document.querySelectorAll(".drop-before, .drop-end")) one.classList.remove("drop-before", "drop-end");
}

function drop(isMeant) {
  if (!dragged) return;
  const { post, to } = dragged;
  dragged = null;
  clearMarks();
  post.classList.remove("is-dragged");
  if (!isMeant || !to) return;
  const number = sections().indexOf(to.section), from = placeOf(post);
  if (from.number !== number || from.position !== to.position) move(post, number, to.position);
}

document.addEventListener("pointerup", () => drop(true));
document.addEventListener("pointercancel", () => drop(false));
document.addEventListener("keydown", (event) => { if (event.key === "Escape") drop(false); });
