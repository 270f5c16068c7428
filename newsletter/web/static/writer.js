// The editor of an article: what is typed is kept at each pause, so that a closed tab loses nothing, and shown beside as a mail.
(() => {
  const form = document.getElementById("writer");
  const kept = document.getElementById("kept");
  const file = document.getElementById("picture");
  const KEEP = 900; // milliseconds without a key
  const SHOW = 500;
  const AGAIN = 6000; // until what could not be kept is tried again
  let dirty = form.dataset.restored === "yes";
  let keeping = 0;
  let showing = 0;
  let what = document.getElementById("show-mail");
  let leaving = false;

  const fields = () => {
    const data = new FormData(form);
    data.delete("picture");
    return new URLSearchParams(data);
  };
  const keep = async (last = false) => {
    clearTimeout(keeping);
    const answer = await fetch(form.dataset.draft, { method: "POST", body: fields(), keepalive: last }).catch(() => null);
    if (answer?.ok) kept.textContent = (await answer.text()).trim();
    else {
      kept.textContent = kept.dataset.lost;
      keeping = setTimeout(keep, AGAIN);
    }
  };

  // The form itself is sent into a frame behind the one that is seen, which it replaces when it is there. It takes no file along.
  const show = () => {
    clearTimeout(showing);
    const old = document.querySelector("iframe.mailview:not(.coming)");
    for (const coming of document.querySelectorAll("iframe.coming")) coming.remove();
    const fresh = old.cloneNode();
    fresh.classList.add("coming");
    fresh.name = `writer-preview-${Date.now()}`;
    fresh.id = "";
    old.after(fresh);
    const before = { action: form.getAttribute("action"), target: form.target };
    form.action = what.getAttribute("formaction");
    form.target = fresh.name;
    file.disabled = true;
    fresh.addEventListener("load", () => {
      if (!fresh.isConnected || fresh.contentWindow.location.href === "about:blank") return;
      const top = frames.scrolled(old);
      fresh.id = "writer-preview";
      fresh.classList.remove("coming");
      old.remove();
      try { fresh.contentWindow.scrollTo(0, top); } catch { /* it begins at its top */ }
    });
    form.submit();
    file.disabled = false;
    form.action = before.action;
    form.target = before.target;
  };

  form.addEventListener("input", (event) => {
    if (event.target === file) return;
    dirty = true;
    const typing = document.getElementById("presence-typing");
    if (typing) typing.value = "yes";
    clearTimeout(keeping);
    clearTimeout(showing);
    keeping = setTimeout(keep, KEEP);
    showing = setTimeout(show, SHOW);
  });
  form.addEventListener("submit", (event) => {
    if (!event.submitter?.formTarget) {
      leaving = true;
      return;
    }
    event.preventDefault();
    what = event.submitter;
    for (const button of document.querySelectorAll("#show-mail, #show-page")) button.setAttribute("aria-pressed", String(button === what));
    show();
  });
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s") return;
    event.preventDefault();
    form.requestSubmit();
  });
  document.getElementById("drop-draft")?.addEventListener("click", () => { leaving = true; });
  addEventListener("pagehide", () => { if (dirty && !leaving) keep(true); });

  // A picture is taken in at once: what is none is told before the article is saved.
  const problem = (words) => {
    const box = document.getElementById("writer-problem");
    box.hidden = !words;
    box.querySelector(".state").textContent = words;
  };
  file.addEventListener("change", async () => {
    if (!file.files.length) return;
    problem("");
    kept.textContent = form.dataset.uploading;
    const data = new FormData();
    data.set("csrf_token", form.elements.csrf_token.value);
    data.set("picture", file.files[0]);
    const answer = await fetch(form.dataset.pictures, { method: "POST", body: data }).catch(() => null);
    const told = await answer?.json().catch(() => null);
    kept.textContent = "";
    file.value = "";
    if (!told?.address) return problem(told?.error || form.dataset.failed);
    form.elements.image_url.value = told.address;
    form.elements.image_url.dispatchEvent(new Event("input", { bubbles: true }));
  });
  show();
})();
