// Shows only the lessons that contain what is typed.

const filter = document.getElementById("filter");
const found = document.getElementById("found");
const rows = [...document.querySelectorAll(".lessons tbody tr")];

filter?.addEventListener("input", () => {
  const wanted = filter.value.trim().toLowerCase();
  rows.forEach((row) => (row.hidden = !row.textContent.toLowerCase().includes(wanted)));
  const left = rows.filter((row) => !row.hidden).length;
  found.textContent = `${left} of ${rows.length} lessons`;
});
