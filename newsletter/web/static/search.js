// Search as you type: what stands there is dimmed while its successor is on the way, and the result is said once.
const busy = (is) => {
  const found = document.getElementById("found");
  if (is) found?.setAttribute("aria-busy", "true");
  else found?.removeAttribute("aria-busy");
};
document.addEventListener("htmx:before:request", () => busy(true));
document.addEventListener("htmx:finally:request", () => busy(false));
document.addEventListener("htmx:after:swap", () => {
  const words = document.getElementById("found")?.dataset.told;
  const told = document.getElementById("found-told");
  if (told && words) told.textContent = words;
});
