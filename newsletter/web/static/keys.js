// Keys of the desk: `?` lists them, `g` and a letter lead to a room, `j` and `k` go along a list. The list itself is a page,
// which is all there is of it without script. Letters can be switched off in one's account, and are dead inside fields.
(() => {
  const letters = "letters" in document.body.dataset;
  const inField = (element) => element.closest?.("input, textarea, select, [contenteditable]");
  let going = 0;

  const list = async () => {
    let dialog = document.getElementById("keys-dialog");
    if (!dialog) {
      const answer = await fetch(document.body.dataset.keys).catch(() => null);
      const found = answer?.ok && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("keys-list");
      if (!found) return location.assign(document.body.dataset.keys);
      dialog = document.createElement("dialog");
      dialog.id = "keys-dialog";
      dialog.className = "dialog";
      dialog.setAttribute("aria-labelledby", "keys-title");
      dialog.append(document.importNode(found, true));
      document.body.append(dialog);
      dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    }
    dialog.showModal();
  };

  // The rows of the list one is in, else of the one that the page's search looks through, else of the first that has links.
  const rows = () => {
    const here = document.activeElement?.closest(".list, .table tbody");
    const all = [...document.querySelectorAll("main .list, main .table tbody")].filter((item) => item.querySelector("a[href]"));
    const searched = document.querySelector("main section [data-search]")?.closest("section");
    const chosen = here ?? all.find((item) => searched?.contains(item)) ?? all[0];
    return [...(chosen?.querySelectorAll(":scope > li, :scope > tr") ?? [])].map((row) => row.querySelector("a[href]")).filter(Boolean);
  };
  const along = (step) => {
    const links = rows();
    const at = links.findIndex((link) => link === document.activeElement || link.closest("li, tr") === document.activeElement?.closest("li, tr"));
    links[at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + step))]?.focus();
  };

  document.addEventListener("keydown", (event) => {
    if (!letters || inField(event.target) || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return;
    const went = Date.now() - going < 1500;
    going = 0;
    if (went) {
      const room = document.querySelector(`[data-go="${CSS.escape(event.key.toLowerCase())}"]`);
      if (room) {
        event.preventDefault();
        event.stopImmediatePropagation();
        room.click();
      }
      return;
    }
    if (event.key === "?") list();
    else if (event.key === "g") going = Date.now();
    else if (event.key === "j" || event.key === "k") along(event.key === "j" ? 1 : -1);
    else return;
    event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-keys-list]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
    list();
  });
})();
