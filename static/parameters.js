// Parameter fields say at once when they override the code, and what is being typed into one
// outlives the check that draws the fields anew. Without scripts the server says the same.

const MAX_SHOWN = 60;
const words = (field, value) => (field.localName === "select" ? { true: "yes", false: "no" }[value] : value.slice(0, MAX_SHOWN) || "nothing");
const rendered = (field) => (field.localName === "select" ? [...field.options].find((o) => o.defaultSelected)?.value : field.defaultValue);
const fieldsOf = (root) => [...root.querySelectorAll("[id^='param.']")];

function tell(field) {
  const note = document.getElementById("says-" + field.id);
  const code = document.getElementsByName(field.name + ".default")[0];
  if (!note || !code) return;
  note.hidden = field.value === code.value;
  note.querySelector("[data-used]").textContent = words(field, field.value);
}

for (const kind of ["input", "change"]) document.addEventListener(kind, ({ target }) => {
  if (target.id?.startsWith("param.")) tell(target);
});
let typed = new Map();
document.addEventListener("htmx:oobBeforeSwap", ({ detail }) => {
  if (detail.target.id !== "params") return;
  typed = new Map(fieldsOf(detail.target).filter((f) => f.value !== rendered(f)).map((f) => [f.id, f.value]));
});
document.addEventListener("htmx:oobAfterSwap", ({ detail }) => {
  if (detail.target.id !== "params") return;
  for (const field of fieldsOf(document.getElementById("params"))) {
    if (typed.has(field.id)) field.value = typed.get(field.id);
    tell(field);
  }
});
// Fields that the browser filled in again on the way back say so too.
addEventListener("pageshow", () => fieldsOf(document).forEach(tell));
