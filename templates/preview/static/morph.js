// Makes one tree of elements like another, touching only what differs: focus, what is being typed, scroll positions and
// open details stay. Nodes are paired by id or data-key; what lies in data-owned belongs to a script and is left alone.

const KEPT = new Set(["open", "data-dirty", "data-is-live", "data-is-saving"]);

export function morph(from, to) {
  likeAttributes(from, to);
  // A question that is being asked stays as it was asked.
  if ("owned" in from.dataset || from.matches("dialog[open]")) return;
  if (from.matches("input, textarea, select")) likeField(from, to);
  if (!from.matches("textarea, select")) likeChildren(from, to);
  else if (from.matches("select") && from.innerHTML !== to.innerHTML) from.innerHTML = to.innerHTML;
}

function likeAttributes(from, to) {
  for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  for (const { name } of [...from.attributes]) if (!to.hasAttribute(name) && !KEPT.has(name)) from.removeAttribute(name);
}

function likeField(from, to) {
  if ("dirty" in from.dataset) return;
  if (from.type === "checkbox" || from.type === "radio") {
    from.checked = to.checked;
  } else if (from.matches("select")) {
    // After its options.
    queueMicrotask(() => { from.value = to.value; });
  } else if (from.value !== to.defaultValue) {
    const { selectionStart, selectionEnd } = from;
    from.defaultValue = to.defaultValue;
    from.value = to.defaultValue;
    if (from === document.activeElement) from.setSelectionRange(selectionStart, selectionEnd);
  }
}

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.dataset.key || node.id || null : null);

function likeChildren(from, to) {
  const byKey = new Map([...from.children].map((one) => [keyOf(one), one]).filter(([key]) => key));
  let at = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const key = keyOf(wanted);
    let found = key ? byKey.get(key) : at && !keyOf(at) && at.nodeName === wanted.nodeName ? at : null;
    if (found && found.nodeName !== wanted.nodeName) found = null;
    if (!found) {
      from.insertBefore(document.importNode(wanted, true), at);
      continue;
    }
    if (found === at) at = at.nextSibling;
    else from.insertBefore(found, at);
    if (found.nodeType === Node.ELEMENT_NODE) morph(found, wanted);
    else if (found.data !== wanted.data) found.data = wanted.data;
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}
