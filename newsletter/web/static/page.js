// Small comforts; every page works without them.
document.documentElement.classList.add("js");

// Who comes back to a page that answers a form would be asked to send it again: its step becomes that of the form's own page.
const { answers } = document.documentElement.dataset;
if (answers && window === top) {
  const before = document.referrer && new URL(document.referrer);
  if (before && before.origin === location.origin) history.replaceState(null, "", before.href);
  else if (answers === "form here") history.replaceState(null, "", location.href);
}

// Copy buttons: data-copy names the element whose text is copied, data-done is what the button then says.
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) continue;
  const label = button.textContent;
  button.hidden = false;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}

// Menus close on Escape, giving focus back, and when one goes on beside them.
const menus = () => document.querySelectorAll("details.menu[open]");
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of menus()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
const leave = (event) => { for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false; };
document.addEventListener("click", leave);
document.addEventListener("focusin", leave); // else an open menu would lie over what Tab comes to next

// A form that was sent once is not sent twice by an impatient second press.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method === "get" || event.defaultPrevented || event.submitter?.formTarget) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  event.submitter?.setAttribute("aria-busy", "true");
});
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
  for (const button of document.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
});

// data-live="2": the element is replaced every two seconds by what the same page holds now, unless nobody looks.
for (const id of [...document.querySelectorAll("[data-live]")].map((element) => element.id)) {
  const seconds = Number(document.getElementById(id).dataset.live);
  setInterval(async () => {
    if (document.hidden) return;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer?.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
    const old = document.getElementById(id);
    if (fresh && old && fresh.innerHTML !== old.innerHTML) old.replaceWith(document.importNode(fresh, true));
  }, seconds * 1000);
}
