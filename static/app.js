// What every page needs: CSRF for htmx, toasts, menus, shortcuts, focus on the first problem.
// Nothing here is required: forms and links work without it.

// The token is read when the request is made, so one that changed in another tab still matches.
const csrf = () => document.cookie.match(/(?:^|; )(?:__Host-)?csrftoken=([^;]+)/)?.[1] ?? "";
document.addEventListener("htmx:configRequest", (event) => {
  const { elt, verb, headers, formData } = event.detail;
  if (verb !== "get") headers["X-CSRFToken"] = csrf();
  // An address says what was chosen, not what was left open.
  if (elt.hasAttribute("hx-push-url"))
    for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
});

export function toast(text) {
  const box = document.createElement("div");
  box.className = "toast";
  box.setAttribute("role", "alert");
  const line = document.createElement("p");
  line.textContent = text;
  const close = document.createElement("button");
  Object.assign(close, { type: "button", className: "toast-close", textContent: "×" });
  close.setAttribute("aria-label", "Dismiss");
  box.append(line, close);
  document.getElementById("toasts").append(box);
}
document.addEventListener("htmx:sendError", () => {
  const said = [...document.querySelectorAll(".toast p")].some((p) => p.dataset.offline);
  if (said) return;
  toast("The server cannot be reached. Your work is still here; it tries again by itself.");
  document.querySelector("#toasts .toast:last-child p").dataset.offline = "1";
});
document.addEventListener("htmx:afterOnLoad", () => {
  document.querySelector(".toast p[data-offline]")?.closest(".toast").remove();
});
// The same complaint twice is one complaint; more than three are a wall.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id !== "toasts") return;
  const said = new Set();
  for (const box of [...event.target.children].reverse()) {
    const text = box.textContent;
    if (said.has(text) || said.size === 3) box.remove();
    said.add(text);
  }
});
document.addEventListener("click", (event) => {
  if (event.target.closest(".toast-close")) event.target.closest(".toast").remove();
  for (const menu of document.querySelectorAll("details.menu[open]"))
    if (!menu.contains(event.target)) menu.open = false;
});

// Every problem of a form is written at its field; the cursor goes to the first one.
function focusFirstProblem(root) {
  const forms = root.matches?.("[data-problems]") ? [root] : [...(root.querySelectorAll?.("[data-problems]") ?? [])];
  const field = forms.map((form) => form.querySelector("[aria-invalid=true]")).find(Boolean);
  field?.closest("details")?.setAttribute("open", "");
  field?.focus();
}
// Once everything else has read the answer, the editor its problems among them.
document.addEventListener("htmx:load", ({ target }) => setTimeout(() => focusFirstProblem(target)));
if (!window.htmx) focusFirstProblem(document);

// A complaint goes when its field is changed, and the sum above the form with the last of them.
function recount(form) {
  const alert = form.querySelector(".form-alert[data-recount]");
  if (!alert) return;
  const fields = [...form.querySelectorAll(".error")].filter((e) => e.textContent.trim()).length;
  const left = fields + form.querySelectorAll("#check .problems:not(.remarks) > li").length;
  alert.hidden = !left;
  alert.querySelector("[data-count]").textContent = left === 1 ? "1 problem" : `${left} problems`;
}
for (const kind of ["input", "change"]) document.addEventListener(kind, ({ target }) => {
  const form = target.closest?.("form[data-problems]");
  if (!form || !target.name) return;
  const error = form.querySelector(`[id="err-${CSS.escape(target.id || target.name)}"]`) ?? form.querySelector(`[id="err-${CSS.escape(target.name)}"]`);
  if (error?.textContent.trim()) {
    error.textContent = "";
    target.removeAttribute("aria-invalid");
  }
  recount(form);
});
document.addEventListener("htmx:afterSettle", () => document.querySelectorAll("form[data-problems]").forEach(recount));

// A part that is exchanged leaves the focus where it was: on the same control of the new part, or
// else on its heading. htmx itself does so only for controls that have an id.
let focused = null;
function twin(old, root) {
  const words = (e) => e.getAttribute("aria-label") ?? e.textContent.trim();
  const alike = (e) => e.name === old.name && e.value === old.value && words(e) === words(old);
  const all = [...root.querySelectorAll(old.localName)];
  return all.find((e) => e.href && e.href === old.href) ?? all.find(alike);
}
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { activeElement } = document;
  const inside = detail.shouldSwap && activeElement !== detail.target && detail.target.contains(activeElement);
  focused = inside ? { control: activeElement, part: detail.target.id } : null;
});
document.addEventListener("htmx:afterSwap", ({ target }) => {
  if (!focused) return;
  const part = document.getElementById(focused.part) ?? target;
  const { control } = focused;
  focused = null;
  if (control.isConnected || part.contains(document.activeElement)) return;
  const next = document.getElementById(control.dataset.nextFocus) ?? twin(control, part) ?? part.querySelector("h1, h2, [role=region]") ?? part;
  if (next.tabIndex < 0) next.tabIndex = -1;
  next.focus({ preventScroll: true });
});

// Who cannot see the page hears when a run begins and ends, and not every step between.
const state = () => document.querySelector("#run #status")?.textContent.trim();
let told = state();
document.addEventListener("htmx:afterSwap", () => {
  const now = state();
  if (now && told && now !== told) document.getElementById("said").textContent = `This backtest is ${now}.`;
  told = now;
});

// A form that only narrows what is shown needs no button when scripts run.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-autosubmit]");
  if (form) form.requestSubmit();
});

// Choosing rows: the actions on the chosen ones are named with their number.
function countChosen() {
  const form = document.getElementById("runs-form");
  if (!form) return;
  const count = form.querySelectorAll("[name=id]:checked").length;
  for (const button of form.querySelectorAll("[data-min]")) {
    button.disabled = count < +button.dataset.min || count > +(button.dataset.max ?? 1e9);
    button.querySelector("[data-count]").textContent = count ? ` (${count})` : "";
  }
}
document.addEventListener("change", (event) => {
  const form = event.target.closest("#runs-form");
  if (!form) return;
  if (event.target.matches("[data-all]"))
    for (const box of form.querySelectorAll("[name=id]")) box.checked = event.target.checked;
  countChosen();
});
document.addEventListener("htmx:load", countChosen);
// The list refreshes itself while something runs, but never under a hand that is choosing.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.id === "rows" && event.target.querySelector("[name=id]:checked, #sort:focus")) event.preventDefault();
});
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
}, true);
document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]");
  if (!copy) return;
  try {
    await navigator.clipboard.writeText(document.getElementById(copy.dataset.copy).textContent.trim());
    copy.textContent = "Copied";
  } catch {
    toast("Copying is not allowed here; select the text instead.");
  }
});

// The browser's own calendar, opened beside the text field that holds the day as YYYY-MM-DD.
document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-day-for]");
  const field = button && document.getElementById(button.dataset.dayFor);
  if (!field) return;
  const picker = document.createElement("input");
  Object.assign(picker, { type: "date", value: field.value, min: button.dataset.first, max: button.dataset.last, className: "day-picker", tabIndex: -1 });
  picker.setAttribute("aria-hidden", "true");
  button.parentElement.querySelector(".day-picker")?.remove();
  button.before(picker);
  picker.addEventListener("change", () => {
    if (picker.value) field.value = picker.value;
    for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, { bubbles: true }));
    field.focus();
  });
  picker.showPicker();
});

// Shortcuts. None fires while one is typing, and none takes a key from a screen reader's own.
const go = { b: "/backtests", s: "/strategies", e: "/examples", d: "/data" };
const dialog = document.getElementById("shortcuts");
let leader = 0;
for (const button of document.querySelectorAll(".shortcuts-open")) {
  button.hidden = false;
  button.addEventListener("click", () => dialog.showModal());
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const form = event.target.closest("form[data-run]");
    if (form) { event.preventDefault(); form.requestSubmit(form.querySelector("[data-run-button]")); }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  if (event.key === "Escape") for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
  const signedIn = document.querySelector(".bar nav");
  if (event.key === "?") dialog.showModal();
  else if (event.key === "/") {
    const search = document.querySelector("input[type=search]");
    if (search) { event.preventDefault(); search.focus(); }
  } else if (signedIn && event.key === "n" && !dialog.open) location.href = "/backtests/new";
  else if (signedIn && Date.now() - leader < 1200 && go[event.key]) location.href = go[event.key];
  leader = event.key === "g" ? Date.now() : 0;
});
