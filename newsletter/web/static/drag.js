// Moving a piece of the composer with the pointer: mouse, pen or finger on its grip. What is decided is told by one event,
// `piece-moved`, with the place among all pieces and the section; the keyboard and the menu do the same without it.
(() => {
  const EDGE = 70; // pixels from the edge of the window within which the page scrolls along
  let held = null;

  const pieces = () => [...document.querySelectorAll("#articles .piece")];
  const put = (y) => {
    for (const piece of pieces()) {
      if (piece === held.piece) continue;
      const box = piece.getBoundingClientRect();
      if (y < box.top || y > box.bottom) continue;
      if (y < box.top + box.height / 2) piece.before(held.piece);
      else piece.after(held.piece);
      return;
    }
  };
  const order = () => pieces().map((piece) => `${piece.closest("ol").dataset.section}/${piece.dataset.article}`).join();
  const scroll = () => {
    if (!held) return;
    const by = held.y < EDGE ? held.y - EDGE : Math.max(0, held.y - (innerHeight - EDGE));
    if (by) {
      scrollBy(0, by / 6);
      put(held.y);
    }
    requestAnimationFrame(scroll);
  };
  const end = (keep) => {
    const { piece, home, before, from } = held;
    held = null;
    piece.classList.remove("held");
    if (!keep) {
      home.insertBefore(piece, before);
      return;
    }
    if (order() === from) return;
    const detail = { article: piece.dataset.article, place: pieces().indexOf(piece) + 1, section: piece.closest("ol").dataset.section };
    piece.dispatchEvent(new CustomEvent("piece-moved", { bubbles: true, detail }));
  };

  document.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest?.("#articles .grip");
    if (!grip || event.button !== 0 || held) return;
    const piece = grip.closest(".piece");
    held = { piece, home: piece.parentElement, before: piece.nextSibling, from: order(), y: event.clientY, moved: false };
  });
  document.addEventListener("pointermove", (event) => {
    if (!held) return;
    if (!held.moved) {
      if (Math.abs(event.clientY - held.y) < 5) return;
      held.moved = true;
      held.piece.classList.add("held");
      requestAnimationFrame(scroll);
    }
    event.preventDefault();
    held.y = event.clientY;
    put(event.clientY);
  });
  document.addEventListener("pointerup", () => { if (held) end(true); });
  document.addEventListener("pointercancel", () => { if (held) end(false); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && held) end(false); });
})();
