// A mail in a frame, exchanged for a newer one without a flash and at the place that had been scrolled to.
// The frame is of our origin and runs nothing, so the page may look into it.
const frames = {
  scrolled(frame) {
    try { return frame.contentWindow.scrollY; } catch { return 0; }
  },
  // The new frame loads behind the old one and takes its place when it is there.
  renew(old, address) {
    if (old.getAttribute("src") === address && !old.dataset.stale) return;
    const box = old.parentElement;
    for (const coming of box.querySelectorAll("iframe.coming")) coming.remove();
    const fresh = old.cloneNode();
    fresh.classList.add("coming");
    fresh.setAttribute("src", address);
    fresh.addEventListener("load", () => {
      const top = frames.scrolled(old);
      fresh.classList.remove("coming");
      old.remove();
      try { fresh.contentWindow.scrollTo(0, top); } catch { /* it begins at its top */ }
    }, { once: true });
    old.after(fresh);
  },
};
