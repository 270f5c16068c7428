// The look and the form beside their effect: what is typed is shown a moment later. Without this there is the Preview button.
const show = document.getElementById("show");
const form = show?.form;
let waiting = 0;
let asking = null;
let views = 0;

// A fresh frame for each view: its first page makes no step in the browser's history. The one before stays until it is there.
const renew = () => {
  const frames = [...form.querySelectorAll("iframe")];
  const fresh = frames[0].cloneNode();
  const settle = () => {
    for (const old of frames) old.remove();
    fresh.classList.remove("coming");
  };
  fresh.removeAttribute("src");
  fresh.name = show.formTarget = `look-frame-${(views += 1)}`; // a frame keeps the name it began with
  fresh.classList.add("coming");
  frames.at(-1).after(fresh);
  form.requestSubmit(show);
  fresh.addEventListener("load", settle);
};

const judge = async () => {
  if (!show.dataset.verdict) return;
  asking?.abort();
  asking = new AbortController();
  const answer = await fetch(show.dataset.verdict, { method: "POST", body: new FormData(form), signal: asking.signal }).catch(() => null);
  if (answer?.ok) document.getElementById("verdict").innerHTML = await answer.text();
};

form?.addEventListener("input", (event) => {
  if (event.target.type === "radio" && event.target.name === "view_form") return; // the style sheet does it
  const typed = event.target.matches("textarea, [type=text], [type=color], [type=number]");
  clearTimeout(waiting);
  waiting = setTimeout(() => { renew(); judge(); }, typed ? 500 : 50);
});
form?.addEventListener("submit", (event) => { if (event.submitter !== show) clearTimeout(waiting); });
