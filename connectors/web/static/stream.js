// What all pages share: sending something to the bot, and listening to what comes of it.

export const conversation = document.body.dataset.conversation;
const LINE_DOWN = "The line to the bot is down. Trying again…";
const LOGGED_OUT = "You have been logged out. Reload the page and log in again.";
const REOPEN_MS = 3000;

/** A fresh UUID. `crypto.randomUUID` is missing where the page is served without TLS to other machines. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}

/** Send it. Sending the same id again is safe: the bot takes it once. Throws an Error whose message can be shown. */
export async function send(path, body, id = newId()) {
  const response = await reach(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": document.body.dataset.csrf },
    body: JSON.stringify({ id, conversation, ...body }),
  });
  if (!response.ok) throw new Error(await reason(response));
}

/** Send a file; what the bot says of it. Throws an Error whose message can be shown. */
export async function sendFile(path, file) {
  const response = await reach(path, {
    method: "POST",
    headers: { "X-CSRF-Token": document.body.dataset.csrf },
    body: file,
  });
  if (!response.ok) throw new Error(await reason(response));
  return (await response.json()).message;
}

/** Fetch JSON. Throws an Error whose message can be shown. */
export async function get(path) {
  const response = await reach(path, {});
  if (!response.ok) throw new Error(await reason(response));
  return response.json();
}

/** The element that a fragment from the server describes. */
export function element(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

/** Call `entry` with each entry's element, `draft` with unfinished text, `lost` with what is wrong with the line. */
export function listen({ entry, draft = () => {}, lost = () => {} }) {
  open({ entry, draft, lost });
  // Until here a click would have been lost without a word.
  document.querySelectorAll("main [inert]").forEach((part) => part.removeAttribute("inert"));
}

function open({ entry, draft, lost }) {
  const stream = new EventSource(`/events/${conversation}`);
  stream.addEventListener("open", () => lost(""));
  stream.addEventListener("entry", (event) => entry(element(JSON.parse(event.data))));
  stream.addEventListener("draft", (event) => draft(JSON.parse(event.data)));
  stream.addEventListener("error", async () => {
    lost(LINE_DOWN);
    // The browser tries again by itself, but not after an answer such as a proxy's 502 or our 401.
    if (stream.readyState !== EventSource.CLOSED) return;
    const isLoggedOut = await fetch("/status").then(({ status }) => status === 401, () => false);
    if (isLoggedOut) lost(LOGGED_OUT);
    else setTimeout(open, REOPEN_MS, { entry, draft, lost });
  });
}

/** Show a line of trouble, or none. */
export function complain(place, text) {
  place.textContent = text;
  place.hidden = !text;
}

export async function refreshStatus() {
  const response = await reach("/status", {});
  if (response.ok) document.getElementById("status").replaceWith(element(await response.text()));
}

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch {
    throw new Error("The bot can’t be reached. Nothing was lost; try again in a moment.");
  }
}

async function reason(response) {
  if (response.status === 401) return LOGGED_OUT;
  if (response.status === 413) return "That is too long to be sent. Please shorten it; nothing was changed.";
  const said = await response.json().catch(() => ({}));
  return said.error ?? "The bot couldn’t take that. Nothing was lost; try again in a moment.";
}
