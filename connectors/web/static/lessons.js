// Shows only the lessons that contain what is typed; loads a file that an admin chooses.

import { sendFile } from "./stream.js";

const filter = document.getElementById("filter");
const found = document.getElementById("found");
const rows = [...document.querySelectorAll(".lessons tbody tr")];

filter?.addEventListener("input", () => {
  const wanted = filter.value.trim().toLowerCase();
  rows.forEach((row) => (row.hidden = !row.textContent.toLowerCase().includes(wanted)));
  const left = rows.filter((row) => !row.hidden).length;
  found.textContent = `${left} of ${rows.length} lessons`;
});

const upload = document.getElementById("upload");
const uploaded = document.getElementById("uploaded");

upload?.addEventListener("change", async () => {
  const [file] = upload.files;
  if (!file) return;
  upload.disabled = true;
  uploaded.textContent = `Loading ${file.name} …`;
  try {
    uploaded.textContent = await sendFile(`/uploads?name=${encodeURIComponent(file.name)}`, file);
  } catch (problem) {
    uploaded.textContent = problem.message;
  }
  upload.disabled = false;
  upload.value = "";
});
