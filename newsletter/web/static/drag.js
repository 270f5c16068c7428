// Moving an article of the composer with the pointer: mouse, pen or finger on its grip. One of the issue goes to another place,
// or to those beside the issue, which takes it out; one of those goes to a place of the issue. What is decided is told by one
// event, `piece-moved`, with what to do, the article, its place and its section; keys, buttons and the menu do the same without.
(() => {
  const EDGE = 70; // pixels from the edge of the window within which the page scrolls along
  const ABOUT = 48; // pixels around the articles of the issue that are theirs still: a hand is not steady
  let held = null;

  const pieces = () => [...document.querySelectorAll("#articles .piece")];
  const within = (id, x, y, about = 0) => {
    const box = document.getElementById(id)?.getBoundingClientRect();
    return Boolean(box) && x >= box.left - about && x <= box.right + about && y >= box.top - about && y <= box.bottom + about;
  };
  // What is held shows where it would go: among the others of the issue, else where it came from.
  const home = () => {
    if (held.fresh) held.shown.remove();
    else held.home.insertBefore(held.shown, held.before);
  };
  const put = () => {
    const { x, y } = held;
    held.over = within("shelf", x, y) ? "shelf" : within("articles", x, y, ABOUT) ? "articles" : "";
    document.getElementById("shelf").classList.toggle("taking", held.over === "shelf" && !held.fresh);
    if (held.over !== "articles") return home();
    for (const piece of pieces()) {
      if (piece === held.shown) continue;
      const box = piece.getBoundingClientRect();
      if (y < box.top || y > box.bottom) continue;
      if (y < box.top + box.height / 2) piece.before(held.shown);
      else piece.after(held.shown);
      return;
    }
    if (held.fresh && !held.shown.isConnected) document.querySelector("#articles .pieces:last-of-type")?.append(held.shown);
  };
  const order = () => pieces().map((piece) => `${piece.closest("ol").dataset.section}/${piece.dataset.article}`).join();
  const scroll = () => {
    if (!held) return;
    const by = held.y < EDGE ? held.y - EDGE : Math.max(0, held.y - (innerHeight - EDGE));
    if (by) {
      scrollBy(0, by / 6);
      put();
    }
    requestAnimationFrame(scroll);
  };
  const end = (keep) => {
    const { piece, shown, fresh, over, from, moved } = held;
    if (!keep || (moved && over !== "articles")) home();
    const detail = { verb: "", article: piece.dataset.article, place: pieces().indexOf(shown) + 1, section: shown.closest("ol")?.dataset.section };
    if (keep && moved) {
      if (!fresh && over === "shelf") detail.verb = "drop";
      else if (fresh && shown.isConnected) detail.verb = "add";
      else if (!fresh && order() !== from) detail.verb = "place";
    }
    held = null;
    for (const item of [piece, shown]) item.classList.remove("held");
    document.getElementById("shelf").classList.remove("taking");
    if (detail.verb) piece.dispatchEvent(new CustomEvent("piece-moved", { bubbles: true, detail }));
  };

  // One from beside the issue stays there while a line with its title goes among those of the issue.
  const line = (piece) => {
    const made = document.createElement("li");
    made.className = "piece flat";
    made.dataset.article = piece.dataset.article;
    made.append(piece.querySelector(".serif").cloneNode(true));
    return made;
  };
  document.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest?.("#articles .grip, #shelf .grip");
    if (!grip || event.button !== 0 || held) return;
    const piece = grip.closest(".piece");
    const fresh = Boolean(piece.closest("#shelf"));
    held = { piece, fresh, shown: fresh ? line(piece) : piece, home: piece.parentElement, before: piece.nextSibling, from: order(), over: "", x: event.clientX, y: event.clientY, moved: false };
  });
  document.addEventListener("pointermove", (event) => {
    if (!held) return;
    if (!held.moved) {
      if (Math.hypot(event.clientX - held.x, event.clientY - held.y) < 5) return;
      held.moved = true;
      for (const item of [held.piece, held.shown]) item.classList.add("held");
      requestAnimationFrame(scroll);
    }
    event.preventDefault();
    [held.x, held.y] = [event.clientX, event.clientY];
    put();
  });
  document.addEventListener("pointerup", () => { if (held) end(true); });
  document.addEventListener("pointercancel", () => { if (held) end(false); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && held) end(false); });
})();
