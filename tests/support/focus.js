// What has the focus, and what is wrong with how that is shown; null when nothing has it.
const look = () => {
  const at = document.activeElement;
  if (!at || at === document.body || at === document.documentElement) return null;
  const words = (at.textContent || "").trim().slice(0, 40);
  const name = `${at.localName}${at.id ? `#${at.id}` : ""}${at.name ? `[name=${at.name}]` : ""} ${words}`;
  if (at.localName === "iframe") return { name, wrong: "", frame: true };
  const box = at.getBoundingClientRect();
  const style = getComputedStyle(at);
  const ring = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
  const outside = box.bottom <= 0 || box.top >= innerHeight || box.right <= 0 || box.left >= innerWidth;
  const x = (Math.max(box.left, 0) + Math.min(box.right, innerWidth)) / 2;
  const y = (Math.max(box.top, 0) + Math.min(box.bottom, innerHeight)) / 2;
  const hit = document.elementFromPoint(x, y);
  const own = [at, ...(at.labels ?? [])].some((item) => item.contains(hit)) || hit?.contains(at);
  let wrong = "";
  if (!ring) wrong = "has no ring";
  else if (box.width < 2 || box.height < 2) wrong = "is too small to be seen";
  else if (outside) wrong = "is outside the window";
  else if (hit && !own) wrong = "is covered";
  return { name, wrong, frame: false };
};

// Everything that Tab must come to: what can have the focus and is shown; of radio buttons of one name only one.
const reachable = () => {
  const group = (item) => [...document.querySelectorAll("input[type=radio]")].filter((other) => other.name === item.name && other.form === item.form);
  const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")].filter((item) => {
    if (item.disabled || item.tabIndex < 0 || item.type === "hidden" || item.closest("[inert]")) return false;
    if (!item.checkVisibility({ visibilityProperty: true })) return false;
    return item.type !== "radio" || item === (group(item).find((other) => other.checked) ?? group(item)[0]);
  });
  return all.map((item, index) => {
    item.dataset.reachable = index;
    return item.outerHTML.slice(0, 120);
  });
};
