// The composer at once: each button, key and pause in typing is a form that is sent behind the page, and the answer, which is
// the page as it is now, is put in place part by part. Without script the same forms load the page anew.
(() => {
  const form = document.getElementById("composer");
  const PAUSE = 1200; // milliseconds without a key until what was typed is saved
  const AGAIN = 8000; // until a save that failed is tried again
  const here = `composer:${form.dataset.issue}:${form.dataset.user}`;
  const fields = [...form.querySelectorAll("[data-text]")];
  const by = (id) => document.getElementById(id);
  const texts = () => Object.fromEntries(fields.map((field) => [field.name, field.value]));
  const same = (one, other) => fields.every((field) => one[field.name] === other[field.name]);
  let dirty = false;
  let pause = 0;
  let queue = Promise.resolve();
  let waiting = 0; // requests that have not been answered

  // What is not saved stands in this browser too: a closed tab or a lost connection takes nothing.
  const base = () => Object.fromEntries([...by("based-on").querySelectorAll("[name]")].map((field) => [field.name, field.value]));
  const note = () => { try { localStorage.setItem(here, JSON.stringify({ texts: texts(), base: base() })); } catch { /* full, or forbidden */ } };
  const forget = () => { try { localStorage.removeItem(here); } catch { /* forbidden */ } };
  const typing = () => { by("presence-typing").value = dirty ? "yes" : ""; };

  const say = (words) => { by("composer-told").textContent = ""; requestAnimationFrame(() => { by("composer-told").textContent = words; }); };
  const problem = (words, compare = false) => {
    const box = by("composer-problem");
    box.hidden = !words;
    box.querySelector(".state").textContent = words;
    box.querySelector("button").hidden = !compare;
  };
  const toast = (page) => {
    for (const old of document.querySelectorAll(".toast, .notice.told.passing")) old.remove();
    const told = [...page.querySelectorAll(".toast, main > .notice.told")].filter((item) => !item.id && !item.closest("[data-part]"));
    for (const item of told) {
      const fresh = document.importNode(item, true);
      if (!fresh.classList.contains("toast")) fresh.classList.add("passing");
      by("main").prepend(fresh);
    }
    return told.map((item) => item.textContent.trim()).join(" ");
  };

  // Put the parts of a page in place, with what was open still open and the focus where it was.
  const swap = (page) => {
    const focused = document.activeElement;
    const piece = focused?.closest?.(".piece")?.dataset.article;
    const index = piece ? [...document.querySelectorAll("#articles .piece")].findIndex((item) => item.dataset.article === piece) : -1;
    for (const fresh of page.querySelectorAll("[data-part]")) {
      const old = by(fresh.id);
      if (!old || old.outerHTML === fresh.outerHTML) continue;
      if (fresh.dataset.later) {
        if (fresh.dataset.later !== old.dataset.later) fetchLater(old, fresh.dataset.later);
        continue;
      }
      const made = document.importNode(fresh, true);
      const opened = [...old.querySelectorAll("details[open]:not(.menu) > summary")].map((summary) => summary.textContent.replace(/\d+/g, ""));
      for (const summary of made.querySelectorAll("details > summary")) {
        if (opened.includes(summary.textContent.replace(/\d+/g, ""))) summary.parentElement.open = true;
      }
      const top = old.scrollTop;
      old.replaceWith(made);
      made.scrollTop = top;
    }
    const renewed = page.getElementById("composer");
    if (renewed) form.setAttribute("action", renewed.getAttribute("action"));
    const panes = page.getElementById("panes");
    if (panes) by("panes").dataset.form = panes.dataset.form;
    showMessage(page.getElementById("message-frame"));
    if (focused && !focused.isConnected) refocus(focused, piece, index);
  };
  // A part that takes long comes by itself; until then what stood there stays. One that did not come is asked for the next time.
  const fetchLater = async (part, address) => {
    part.dataset.later = address;
    const answer = await fetch(address).catch(() => null);
    if (part.dataset.later !== address) return;
    if (!answer?.ok) return delete part.dataset.later;
    part.innerHTML = await answer.text();
    htmx.process(part);
  };
  const refocus = (gone, piece, index) => {
    const pieces = document.querySelectorAll("#articles .piece");
    const target = (gone.id && by(gone.id)) || (piece && by(`grip-${piece}`)) || (index >= 0 && pieces[Math.min(index, pieces.length - 1)]?.querySelector(".grip"));
    (target || by("shelf-out"))?.focus({ preventScroll: true });
  };
  const showMessage = (fresh) => {
    if (!fresh) return;
    const box = by("message-frame");
    const [old, made] = [box.querySelector("iframe:not(.coming)"), fresh.querySelector("iframe")];
    if (old && made) frames.renew(old, made.getAttribute("src"));
    else if (box.innerHTML !== fresh.innerHTML) box.replaceChildren(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
  };

  // The texts of an answer go into fields that nobody has typed into since; a field with the focus is left alone while it is saved.
  const adopt = (page, sent, saving) => {
    for (const field of fields) {
      const fresh = page.getElementById("composer")?.elements[field.name];
      if (!fresh || field.value !== sent[field.name] || field.value === fresh.value) continue;
      if (saving && field === document.activeElement) continue;
      field.value = fresh.value;
    }
    const placeholder = page.getElementById("subject")?.getAttribute("placeholder");
    if (placeholder) by("subject").setAttribute("placeholder", placeholder);
    measure();
  };

  const send = (fields_, { verb }) => {
    waiting += 1;
    queue = queue.then(async () => {
      clearTimeout(pause);
      const sent = texts();
      const data = new URLSearchParams(new FormData(form));
      for (const [name, value] of Object.entries(fields_)) data.set(name, value);
      if (dirty) by("saved").textContent = by("saved").dataset.saving;
      const answer = await fetch(form.action, { method: "POST", body: data }).catch(() => null);
      const page = answer && new DOMParser().parseFromString(await answer.text().catch(() => ""), "text/html");
      waiting -= 1;
      if (answer?.ok && page.getElementById("composer")) return saved(page, sent, verb);
      if (answer?.ok && !answer.url.includes("/sign-in")) return location.assign(answer.url);
      return refused(answer, page, verb);
    });
    return queue;
  };
  const saved = (page, sent, verb) => {
    problem("");
    if (same(texts(), sent)) {
      dirty = false;
      forget();
    }
    const quiet = verb === "save" ? "" : toast(page);
    swap(page);
    adopt(page, sent, verb === "save");
    if (dirty) unsaved();
    typing();
    const article = verb.split(":")[1];
    const told = by(`article-${article}`)?.dataset.told;
    if (verb !== "save") say((/^(up|down|place|add)/.test(verb) && told) || quiet);
  };
  const refused = async (answer, page, verb) => {
    if (answer?.status === 409) {
      if (verb === "save") {
        unsaved();
        problem(form.dataset.conflict, true);
      } else {
        problem(form.dataset.overtaken);
        await refresh();
      }
      return;
    }
    const words = page?.querySelector("main [role=alert] .state")?.textContent.trim() || page?.querySelector("main h1 + p, main .q")?.textContent.trim();
    if (answer?.status === 422 && words) {
      if (page.getElementById("composer")) swap(page);
      problem(words);
    } else {
      problem(form.dataset.lost);
      if (dirty) pause = setTimeout(save, AGAIN);
    }
    if (dirty) unsaved();
  };
  const save = () => dirty && send({ do: "save" }, { verb: "save" });
  const unsaved = () => { by("saved").textContent = by("saved").dataset.unsaved; };

  // What a colleague did comes by itself while nothing of one's own is unsaved.
  const refresh = async () => {
    const before = texts();
    const answer = await fetch(location.href).catch(() => null);
    if (!answer?.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!page.getElementById("composer")) return location.reload();
    const clean = !dirty;
    if (clean) swap(page);
    else for (const id of ["articles", "shelf", "others"]) if (page.getElementById(id)) by(id).replaceWith(document.importNode(page.getElementById(id), true));
    if (clean) adopt(page, before, false);
  };
  document.addEventListener("htmx:before:request", (event) => { if (!navigator.onLine) event.preventDefault(); });
  document.addEventListener("htmx:after:swap", () => {
    const version = by("presence-now")?.dataset.version;
    if (!version || waiting || version === form.elements.revision.value) return;
    if (!dirty || version === "left") refresh();
  });

  // Typing
  const gauge = by("subject-help");
  const measure = () => {
    const text = by("subject").value || by("subject").placeholder;
    const letters = [...text];
    const { most, phone, desktop } = gauge.dataset;
    document.querySelector("#gauge .used").setAttribute("width", `${Math.min(letters.length, most) * 100 / most}%`);
    const cut = (at) => letters.slice(Math.max(0, at - 18), at).join("").replace(/^\S*\s+/, "").trim();
    const parts = [gauge.dataset.length.replace("{}", letters.length)];
    if (letters.length > phone) parts.push(gauge.dataset.cutPhone.replace("{}", `…${cut(Number(phone))}`));
    if (letters.length > desktop) parts.push(gauge.dataset.cutDesktop.replace("{}", `…${cut(Number(desktop))}`));
    if (letters.length <= phone) parts.push(gauge.dataset.whole);
    gauge.textContent = parts.join(" ");
  };
  form.addEventListener("input", (event) => {
    if (!fields.includes(event.target)) return;
    dirty = true;
    note();
    unsaved();
    typing();
    if (event.target.id === "subject") measure();
    clearTimeout(pause);
    pause = setTimeout(save, PAUSE);
  });
  addEventListener("pagehide", () => {
    if (!dirty) return;
    const data = new URLSearchParams(new FormData(form));
    data.set("do", "save");
    fetch(form.action, { method: "POST", body: data, keepalive: true }).catch(() => {});
  });
  addEventListener("online", save);

  // Buttons. Those that decide something load the page anew, as does what one wants to compare.
  const WHOLE = ["send", "approve", "pull-back", "schedule"];
  form.addEventListener("submit", (event) => {
    const button = event.submitter;
    const verb = button?.value || "save";
    if (WHOLE.includes(verb) || button?.hasAttribute("data-native")) return;
    event.preventDefault();
    button?.closest("details.menu")?.removeAttribute("open");
    if (!button) dirty = true;
    send({ do: verb }, { verb });
  });
  document.addEventListener("piece-moved", ({ detail: { verb, article, place, section } }) => {
    const where = verb === "drop" ? {} : { [`place-${article}`]: place, [`section-${article}`]: section };
    send({ do: `${verb}:${article}`, ...where }, { verb: `${verb}:${article}` });
  });

  // Links and searches of the panes
  const follow = async (address) => {
    const answer = await fetch(address).catch(() => null);
    if (!answer?.ok) return location.assign(address);
    history.replaceState(null, "", address);
    swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-swap]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    // In a row with saves: the answer to one that is under way would bring back what was shown before. And of two links
    // pressed one after the other the second leads from where the first has led to.
    queue = queue.then(() => follow((by(link.id) ?? link).href));
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-swap]")) return;
    event.preventDefault();
    const address = new URL(event.target.action);
    address.search = new URLSearchParams([...new FormData(event.target)].filter(([, value]) => value)).toString();
    queue = queue.then(() => follow(address.href));
  });
  let searching = 0;
  document.addEventListener("input", (event) => {
    if (event.target.id !== "shelf-q") return;
    clearTimeout(searching);
    searching = setTimeout(() => event.target.form?.requestSubmit(), 350);
  });

  // Keys
  const inField = (element) => element.closest?.("input, textarea, select, [contenteditable]");
  document.addEventListener("keydown", (event) => {
    const command = event.ctrlKey || event.metaKey;
    if (document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    if (command && key === "s") {
      event.preventDefault();
      save();
    } else if (command && event.key === "Enter") {
      event.preventDefault();
      const ask = by("ask-approve");
      if (ask) ask.showModal();
      else document.querySelector("#composer-head [value=send]")?.click();
    } else if (event.key === "Enter" && event.target.matches?.("#composer input")) {
      // The button beside a field, and no other that happens to be the first of the form.
      event.preventDefault();
      const button = event.target.closest(".row")?.querySelector("button");
      if (button) button.click();
      else save();
    } else if (command && (key === "z" || key === "y") && !inField(event.target)) {
      event.preventDefault();
      const again = key === "y" || event.shiftKey;
      if (!by(again ? "redo" : "undo").hidden) send({ do: again ? "redo" : "undo" }, { verb: again ? "redo" : "undo" });
    } else if ((event.key === "Delete" || event.key === "Backspace") && !command && !inField(event.target)) {
      const piece = event.target.closest?.("#articles .piece");
      if (!piece) return;
      event.preventDefault();
      send({ do: `drop:${piece.dataset.article}` }, { verb: `drop:${piece.dataset.article}` });
    }
  });

  // Back from another page, or after a tab was closed with something in hand
  const kept = (() => { try { return JSON.parse(localStorage.getItem(here)); } catch { return null; } })();
  if (kept && same(kept.texts, texts())) forget();
  else if (kept) {
    for (const field of fields) field.value = kept.texts[field.name] ?? field.value;
    for (const field of by("based-on").querySelectorAll("[name]")) field.value = kept.base[field.name] ?? field.value;
    dirty = true;
    unsaved();
    typing();
    problem(form.dataset.restored);
    pause = setTimeout(save, PAUSE);
  }
  measure();
  const findings = by("message-findings");
  if (findings.dataset.later) fetchLater(findings, findings.dataset.later);
})();
