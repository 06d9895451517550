// The strategy reference beside the editor: found in as one types, and open or closed as it was left.

const NAME = "reference";
const YEAR_S = 31_536_000;

const remember = (open) => {
  document.cookie = `${NAME}=${open ? "open" : "closed"}; path=/backtests; max-age=${YEAR_S}; samesite=lax`;
};

function start(box) {
  const find = box.querySelector("input[type=search]");
  find.parentElement.hidden = false;
  // Before anybody chose: open where there is room for it beside the editor.
  const chosen = document.cookie.split("; ").find((item) => item.startsWith(NAME + "="));
  const open = chosen
    ? chosen === `${NAME}=open`
    : getComputedStyle(box.parentElement).gridTemplateColumns.split(" ").length > 1;
  if (box.open !== open) box.open = open;
  if (!chosen) remember(open);
  // Seen at once; a "toggle" event comes in a later task, which a page left right away never runs.
  new MutationObserver(() => remember(box.open)).observe(box, { attributeFilter: ["open"] });
  find.addEventListener("input", () => narrow(box, find.value));
  find.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault(); // it would run the backtest
    if (event.key === "Escape" && find.value) { find.value = ""; narrow(box, ""); event.preventDefault(); }
  });
}

function narrow(box, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  let left = 0;
  for (const section of box.querySelectorAll("section")) {
    let here = 0;
    for (const entry of section.querySelectorAll("dl > div")) {
      const said = entry.textContent.toLowerCase();
      entry.hidden = !words.every((word) => said.includes(word));
      if (!entry.hidden) here += 1;
    }
    section.hidden = !here;
    left += here;
  }
  box.querySelector("[data-nothing]").hidden = left > 0;
  box.querySelector(".manual-text").scrollTop = 0;
}

const box = document.getElementById("reference");
if (box) start(box);
