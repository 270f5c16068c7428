// Whoever keeps the other text does not want to find their own again: what the composer kept in this browser goes.
document.querySelector("[data-keep-theirs]")?.addEventListener("click", (event) => {
  try { localStorage.removeItem(event.currentTarget.dataset.keepTheirs); } catch { /* forbidden */ }
});
