// The correction form. What was written stays until the bot has taken it: a refusal opens the form again.

import { complain, get, newId, send } from "./stream.js";

const byId = (id) => document.getElementById(id);
const dialog = byId("correction");
const question = byId("correction-question");
const answer = byId("correction-answer");
const trouble = byId("correction-trouble");
let corrects = "";
let sent = "";

/** Open the form for an answer. Throws an Error with the bot's own words for those who may not teach it. */
export async function openForm(id) {
  const form = await get(`/corrections/${encodeURIComponent(id)}`);
  byId("correction-title").textContent = form.title;
  byId("question-label").textContent = form.question_label;
  byId("answer-label").textContent = form.answer_label;
  byId("correction-submit").textContent = form.submit_label;
  question.value = form.question;
  answer.value = form.text;
  corrects = id;
  reopen("");
}

/** The bot's answer to the correction that was sent last, if it is one, says why it wasn't taken. */
export function reopenIfRefused(entry) {
  if (sent && entry.dataset.replyTo === `web:${sent}`) reopen(entry.textContent.trim());
}

function reopen(problem) {
  sent = "";
  complain(trouble, problem);
  dialog.showModal();
  answer.focus();
}

byId("correction-cancel").addEventListener("click", () => dialog.close());

dialog.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  sent = newId();
  try {
    await send("/corrections", { answer: corrects, question: question.value, text: answer.value }, sent);
    dialog.close();
  } catch (problem) {
    complain(trouble, problem.message);
  }
});
