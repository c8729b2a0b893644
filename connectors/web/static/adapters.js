// The console: commands and what comes of them; the parts that change are fetched again.

import { complain, element, listen, newId, refreshStatus, send } from "./stream.js";

const lineage = document.getElementById("lineage");
const outcome = document.getElementById("outcome");
const trouble = document.getElementById("trouble");
const openedAt = Number(document.body.dataset.now);
const shown = new Map();
const MOST_OUTCOMES = 4;
let next;

// --- commands ------------------------------------------------------------------------------------------------------

async function command(button) {
  complain(trouble, "");
  button.disabled = true;
  try {
    await send("/commands", { text: button.dataset.command }, newId());
  } catch (problem) {
    complain(trouble, problem.message);
  }
  button.disabled = false;
  button.focus();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-command]");
  if (button) command(button);
});

listen({
  entry(entry) {
    if (!entry.matches(".notice") || Number(entry.dataset.at) < openedAt) return;
    const earlier = document.getElementById(entry.id);
    if (earlier?.isEqualNode(entry)) return;
    if (earlier) earlier.replaceWith(entry);
    else outcome.prepend(entry);
    [...outcome.children].slice(MOST_OUTCOMES).forEach((old) => old.remove());
    refresh();
  },
  lost: (text) => complain(trouble, text),
});

// --- the parts that change -----------------------------------------------------------------------------------------

/** Fetch them, and again after a while: soon, if something is running by now. */
async function refresh() {
  try {
    await refreshStatus();
    const response = await fetch("/adapters/now");
    if (response.ok) element(`<div>${await response.text()}</div>`).querySelectorAll("[data-part]").forEach(update);
  } catch {
    // The stream says so when the line is down.
  }
  clearTimeout(next);
  next = setTimeout(refresh, lineage.querySelector("[data-is-running=yes]") ? 1_000 : 5_000);
}

/** Put a part in only where it has changed, so that the keyboard's focus stays where it is. */
function update(part) {
  const name = part.dataset.part;
  if (shown.get(name) === part.outerHTML) return;
  shown.set(name, part.outerHTML);
  const focused = document.activeElement?.id;
  lineage.querySelector(`[data-part=${name}]`).replaceWith(part);
  if (focused) document.getElementById(focused)?.focus();
}

refresh();
