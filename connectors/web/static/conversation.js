// The conversation: asking, rating, choosing; showing what comes back.

import { openForm, reopenIfRefused } from "./correction.js";
import { complain, listen, newId, refreshStatus, send } from "./stream.js";

const log = document.getElementById("log");
const draft = document.getElementById("draft");
const writing = document.getElementById("writing");
const trouble = document.getElementById("trouble");
const composer = document.getElementById("composer");
const question = document.getElementById("question");
let questionId = newId();
let isWriting = false;
let line = "";

// --- showing -----------------------------------------------------------------------------------------------------

function show(entry) {
  const shown = document.getElementById(entry.id);
  if (shown?.isEqualNode(entry)) return;
  const follow = isAtEnd() || entry.matches(".said");
  if (shown) shown.replaceWith(entry);
  else log.insertBefore(entry, later(entry));
  if (entry.matches(".answer")) showDraft(null);
  if (entry.matches(".notice")) refreshStatus().catch(() => {});
  reopenIfRefused(entry);
  if (follow) scrollDown();
}

function later(entry) {
  return [...log.children].find((other) => Number(other.dataset.at) > Number(entry.dataset.at)) ?? null;
}

function showDraft(text) {
  const follow = isAtEnd();
  draft.hidden = text === null;
  draft.querySelector(".prose").textContent = text ?? "";
  if (isWriting === draft.hidden) writing.textContent = draft.hidden ? "" : "An answer is being written.";
  isWriting = !draft.hidden;
  if (follow) scrollDown();
}

/** Whoever has scrolled up is reading, and is left there. */
function isAtEnd() {
  return window.innerHeight + window.scrollY >= document.body.scrollHeight - 80;
}

function scrollDown() {
  if (log.childElementCount) window.scrollTo({ top: document.body.scrollHeight });
}

listen({
  entry: show,
  draft: showDraft,
  lost: (text) => complain(trouble, (line = text)),
});
scrollDown();

// --- asking ------------------------------------------------------------------------------------------------------

async function attempt(work) {
  complain(trouble, line);
  try {
    await work();
    return true;
  } catch (problem) {
    complain(trouble, problem.message);
    return false;
  }
}

composer.addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = question.value;
  if (!text.trim()) return;
  if (await attempt(() => send("/messages", { text }, questionId))) {
    questionId = newId();
    if (question.value === text) question.value = "";
    question.focus();
  }
});

question.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!event.repeat) composer.requestSubmit();
});

// --- buttons below an answer ---------------------------------------------------------------------------------------

const pressed = (button) => button.getAttribute("aria-pressed") === "true";

async function toggle(button) {
  const opposite = button.parentElement.querySelector("[data-emoji][aria-pressed=true]");
  if (opposite && opposite !== button) await rate(opposite, false);
  await rate(button, !pressed(button));
}

async function rate(button, added) {
  button.setAttribute("aria-pressed", added);
  const { message } = button.closest(".entry").dataset;
  const sent = await attempt(() => send("/reactions", { message, emoji: button.dataset.emoji, added }));
  if (!sent) button.setAttribute("aria-pressed", !added);
}

async function choose(button) {
  const buttons = button.parentElement.querySelectorAll("button");
  const { answer } = button.closest(".entry").dataset;
  buttons.forEach((other) => (other.disabled = true));
  button.setAttribute("aria-pressed", "true");
  const sent = await attempt(() => send("/choices", { answer, fact: button.dataset.fact || null, section: button.dataset.section || null }));
  if (sent) question.focus();
  else buttons.forEach((other) => (other.disabled = false));
}

async function press(button) {
  button.disabled = true;
  await attempt(() => send("/presses", { code: button.dataset.press }));
  button.disabled = false;
}

/** A command for staff, told below. */
async function command(button) {
  button.disabled = true;
  await attempt(() => send("/commands", { text: button.dataset.command }, newId()));
  button.disabled = false;
  button.focus();
}

log.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.emoji) toggle(button);
  else if (button?.dataset.correct) attempt(() => openForm(button.dataset.correct));
  else if (button?.dataset.press) press(button);
  else if (button?.dataset.command) command(button);
  else if (button && "fact" in button.dataset) choose(button);
});
