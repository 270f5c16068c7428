// Comforts of the desk; every page works without them.

// A link to a question opens it as a dialog where the page holds one.
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-dialog]");
  const dialog = link && document.getElementById(link.dataset.dialog);
  if (dialog?.showModal && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    dialog.showModal();
  }
  if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
});

// Keys: `/` to the search field, a letter to the button that names it, Alt with an arrow moves an article. Dead inside fields.
const typing = (element) => element.closest("input, textarea, select, [contenteditable]");
document.addEventListener("keydown", (event) => {
  if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    const verb = event.key === "ArrowUp" ? "up:" : "down:";
    const button = event.target.closest(".piece")?.querySelector(`button[value^="${verb}"]`);
    if (button) {
      event.preventDefault();
      button.click();
    }
    return;
  }
  if (!("letters" in document.body.dataset) || typing(event.target) || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const target = event.key === "/" ? document.querySelector("[data-search]") : document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!target) return;
  event.preventDefault();
  if (event.key === "/") target.focus();
  else target.click();
});

// What was moved keeps the focus, so that it can be moved on. After the browser's own jump to it, which takes the focus away.
window.addEventListener("load", () => setTimeout(() => document.querySelector(".piece:target summary")?.focus()));

// Live page: ask only while somebody looks, say each full ten percent once, and tell when the connection is gone.
const told = document.getElementById("live-told");
const tell = () => {
  const words = document.getElementById("live-figures")?.dataset.told;
  if (told && words && told.textContent !== words) told.textContent = words;
};
const lost = (is) => {
  const notice = document.getElementById("live-lost");
  if (notice) notice.hidden = !is;
};
tell();
document.addEventListener("htmx:before:request", (event) => { if (document.hidden) event.preventDefault(); });
document.addEventListener("htmx:after:swap", () => { tell(); lost(false); });
document.addEventListener("htmx:error", () => lost(true));
document.addEventListener("htmx:response:error", () => lost(true));

// data-until names a moment: how long it still is, in the words of the page's language; at the end the page is asked for again.
const units = [["day", 86400, 172800], ["hour", 3600, 7200], ["minute", 60, 120], ["second", 1, 0]];
const inTime = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "always" });
const countDown = (element) => {
  const left = Math.round((new Date(element.dataset.until) - Date.now()) / 1000);
  if (left < 0) {
    // The sweep runs every ten seconds; somebody who is typing is left alone.
    if (left < -12 && !typing(document.activeElement) && !document.hidden) location.reload();
    return;
  }
  const [unit, seconds] = units.find(([, , from]) => left >= from);
  const words = inTime.format(Math.floor(left / seconds), unit);
  if (element.textContent !== words) element.textContent = words;
};
const counting = document.querySelectorAll("[data-until]");
if (counting.length) setInterval(() => counting.forEach(countDown), 1000);
