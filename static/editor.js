// Upgrades <textarea data-editor>: a painted layer behind the real textarea, line numbers, problem
// marks, completion, files by drop, and a draft kept in this browser. The textarea stays the form
// control, so that typing without scripts, screen readers, undo and input methods keep working.

const TOKEN = /(#[^\n]*)|([rbfuRBFU]{0,2}(?:"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?))|(@[A-Za-z_][\w.]*)|\b(def|class|return|if|elif|else|for|while|in|not|and|or|is|import|from|as|with|try|except|finally|raise|pass|break|continue|lambda|yield|global|nonlocal|assert|del|async|await|match|case)\b|\b(True|False|None)\b|\b(self)\b|\b(0[xX][\da-fA-F_]+|\d[\d_]*\.?[\d_]*(?:[eE][+-]?\d+)?)\b|\b([A-Za-z_]\w*)(?=\s*\()/g;
const CLASSES = [, "com", "str", "dec", "kw", "lit", "self", "num", "fn"];
const PAINT_LIMIT = 60_000; // characters; painting more on every key would be felt
const LINE_PX = 20;
const MAX_FILE_BYTES = 256 * 1024;

const escapeText = (text) => text.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);

export function highlight(source) {
  let out = "";
  let at = 0;
  for (const match of source.matchAll(TOKEN)) {
    const kind = match.findIndex((group, i) => i && group !== undefined);
    out += escapeText(source.slice(at, match.index)) + `<span class="t-${CLASSES[kind]}">${escapeText(match[0])}</span>`;
    at = match.index + match[0].length;
  }
  return out + escapeText(source.slice(at));
}

const insert = (text) => document.execCommand("insertText", false, text);

class Editor {
  constructor(area) {
    this.area = area;
    this.box = make("div", "editor");
    this.gutter = make("pre", "gutter");
    this.paintLayer = make("pre", "paint");
    this.markLayer = make("pre", "marks");
    for (const layer of [this.gutter, this.paintLayer, this.markLayer]) layer.setAttribute("aria-hidden", "true");
    area.before(this.box);
    this.box.append(this.gutter, this.paintLayer, this.markLayer, area);
    this.problems = [];
    this.completion = new Completion(this);
    this.escaped = false;
    area.addEventListener("input", () => this.changed());
    area.addEventListener("scroll", () => this.scroll(), { passive: true });
    area.addEventListener("keydown", (event) => this.key(event));
    area.addEventListener("blur", () => setTimeout(() => this.completion.close(), 150));
    this.acceptFiles();
    this.readProblems();
    this.paint();
    this.draft = area.dataset.draft ? new Draft(this) : null;
    area.dataset.ready = "1";
    area.editor = this;
  }

  changed() {
    this.completion.update();
    this.draft?.save();
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.paint());
  }

  paint() {
    const text = this.area.value;
    if (text.length > PAINT_LIMIT) this.paintLayer.textContent = text + "\n";
    else this.paintLayer.innerHTML = highlight(text) + "\n";
    const lines = text.split("\n");
    const wanted = lines.length + "|" + this.problems.map((p) => p.line).join();
    if (wanted !== this.painted) {
      this.painted = wanted;
      const marked = new Map(this.problems.map((p) => [p.line, p]));
      this.gutter.replaceChildren(...lines.map((_, i) => {
        const problem = marked.get(i + 1);
        const row = make("span", problem?.kind ?? "");
        row.textContent = i + 1;
        row.title = problem?.message ?? "";
        return row;
      }));
    }
    this.markLayer.replaceChildren();
    if (this.problems.length) this.paintMarks(lines);
    this.box.classList.toggle("invalid", this.problems.some((p) => p.kind === "bad"));
    this.scroll();
  }

  paintMarks(lines) {
    const byLine = new Map();
    for (const problem of this.problems) if (!byLine.has(problem.line)) byLine.set(problem.line, problem);
    for (const [i, line] of lines.entries()) {
      const problem = byLine.get(i + 1);
      if (problem) {
        const from = Math.min(Math.max(0, problem.column - 1), Math.max(0, line.length - 1));
        const word = line.slice(from).match(/^\w+/)?.[0].length ?? 1;
        const to = Math.max(from + word, problem.endLine === problem.line ? problem.endColumn - 1 : 0);
        const mark = make("mark", problem.kind);
        mark.textContent = line.slice(from, to) || " ";
        this.markLayer.append(line.slice(0, from), mark);
      }
      this.markLayer.append("\n");
    }
  }

  scroll() {
    for (const layer of [this.gutter, this.paintLayer, this.markLayer]) layer.scrollTop = this.area.scrollTop;
    for (const layer of [this.paintLayer, this.markLayer]) layer.scrollLeft = this.area.scrollLeft;
  }

  // The check fragment is the one source of problems, whether it came with the page or later.
  readProblems() {
    this.problems = [...document.querySelectorAll("#check [data-line]")].map((item) => ({
      line: +item.dataset.line, column: +item.dataset.column || 1,
      endLine: +item.dataset.endLine || 0, endColumn: +item.dataset.endColumn || 0,
      message: item.dataset.message,
      kind: "remark" in item.dataset ? "odd" : "bad", // a likely slip refuses nothing
    }));
    // The textarea outlives the form around it, which is drawn anew by every answer.
    if (this.problems.some((p) => p.kind === "bad")) this.area.setAttribute("aria-invalid", "true");
    else this.area.removeAttribute("aria-invalid");
    this.painted = "";
    this.paint();
  }

  goTo(line, column) {
    const lines = this.area.value.split("\n");
    const at = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0) + Math.max(0, column - 1);
    this.area.focus();
    this.area.setSelectionRange(at, at);
    this.area.scrollTop = Math.max(0, (line - 5) * LINE_PX);
  }

  replace(text) {
    this.area.focus();
    this.area.select();
    if (!insert(text)) { this.area.value = text; this.area.dispatchEvent(new Event("input", { bubbles: true })); }
    this.area.setSelectionRange(0, 0);
    this.area.scrollTop = 0;
  }

  key(event) {
    if (this.completion.key(event)) return;
    const { area } = this;
    if (event.key === "Escape") { this.escaped = true; return; }
    if (event.key === "Tab" && !this.escaped && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      this.indent(event.shiftKey);
    } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
      const line = area.value.slice(0, area.selectionStart).split("\n").pop();
      const more = line.match(/^\s*/)[0] + (/:\s*(#.*)?$/.test(line) ? "    " : "");
      if (more) { event.preventDefault(); insert("\n" + more); }
    } else if (event.key === "/" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.editLines((lines) => lines.every((l) => /^\s*#|^\s*$/.test(l))
        ? lines.map((l) => l.replace(/^(\s*)# ?/, "$1")) : lines.map((l) => l && l.replace(/^(\s*)/, "$1# ")));
    } else if (event.key === "Backspace" && area.selectionStart === area.selectionEnd) {
      const line = area.value.slice(0, area.selectionStart).split("\n").pop();
      if (/^( {4})+$/.test(line)) {
        event.preventDefault();
        area.setSelectionRange(area.selectionStart - 4, area.selectionStart);
        document.execCommand("delete");
      }
    }
    if (!["Tab", "Shift"].includes(event.key)) this.escaped = false;
  }

  indent(back) {
    const { selectionStart: from, selectionEnd: to, value } = this.area;
    if (!back && !value.slice(from, to).includes("\n")) insert("    ");
    else this.editLines((lines) => lines.map((l) => back ? l.replace(/^ {1,4}|^\t/, "") : l && "    " + l));
  }

  editLines(edit) {
    const { area } = this;
    const from = area.value.lastIndexOf("\n", area.selectionStart - 1) + 1;
    const end = area.value.indexOf("\n", area.selectionEnd);
    const to = end < 0 ? area.value.length : end;
    const text = edit(area.value.slice(from, to).split("\n")).join("\n");
    area.setSelectionRange(from, to);
    insert(text);
    area.setSelectionRange(from, from + text.length);
  }

  // A file is read here, so that it is seen, checked and edited before anything is sent.
  acceptFiles() {
    const input = document.querySelector(`input[type=file][data-for="${this.area.id}"]`);
    const stop = (event) => { if ([...event.dataTransfer.types].includes("Files")) event.preventDefault(); };
    this.box.addEventListener("dragover", (event) => { stop(event); this.box.classList.add("dropping"); });
    this.box.addEventListener("dragleave", () => this.box.classList.remove("dropping"));
    this.box.addEventListener("drop", (event) => {
      this.box.classList.remove("dropping");
      if (event.dataTransfer.files.length) { stop(event); this.read(event.dataTransfer.files[0], null); }
    });
    input?.addEventListener("change", () => { if (input.files.length) this.read(input.files[0], input); });
  }

  async read(file, input) {
    const said = document.getElementById("file-error");
    const refuse = (text) => { said.textContent = text; if (input) input.value = ""; };
    if (!/\.py$/i.test(file.name)) return refuse(`${file.name} is not a .py file; the code is as it was.`);
    if (file.size > MAX_FILE_BYTES) return refuse(`${file.name} has ${Math.ceil(file.size / 1024)} KiB; a strategy has at most 256.`);
    let text;
    try {
      text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    } catch {
      return refuse(`${file.name} is not UTF-8 text. Save it as UTF-8 and choose it again.`);
    }
    said.textContent = "";
    if (input) input.value = ""; // the text is sent, not the file
    const name = document.querySelector("[name=name]");
    // The name of the file before is not this one's; one that was typed stays.
    if (name && (!name.value || name.value === this.fileName)) name.value = this.fileName = file.name.replace(/\.py$/i, "");
    this.replace(text.replace(/\r\n?/g, "\n"));
  }
}

class Completion {
  constructor(editor) {
    this.editor = editor;
    this.words = [...document.querySelectorAll("[data-complete]")].map((item) => ({
      owner: item.dataset.owner ?? "", word: item.dataset.complete, shown: item.dataset.shown ?? item.dataset.complete,
    }));
    this.list = make("ul", "complete");
    this.list.id = editor.area.id + "-complete";
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", "Completions");
    this.list.hidden = true;
    editor.box.append(this.list);
    editor.area.setAttribute("aria-autocomplete", "list");
    this.list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const item = event.target.closest("li");
      if (item) { this.at = [...this.list.children].indexOf(item); this.accept(); }
    });
  }

  update(asked = false) {
    const { area } = this.editor;
    const before = area.value.slice(0, area.selectionStart).split("\n").pop();
    const match = before.match(/(?:\b(self|data|self\.bars|self\.portfolio)\.)?(\w*)$/);
    const [, owner = "", part] = match;
    if (area.selectionStart !== area.selectionEnd || (!asked && !owner && part.length < 3) || /#/.test(before)) return this.close();
    this.part = part;
    this.found = this.words.filter((w) => w.owner === owner && w.word.startsWith(part) && w.word.replace(/\W.*$/, "") !== part).slice(0, 30);
    if (!this.found.length) return this.close();
    this.at = 0;
    this.draw(before.length - part.length);
  }

  draw(column) {
    const { area } = this.editor;
    this.list.replaceChildren(...this.found.map((word, i) => {
      const item = make("li", "");
      item.id = `${this.list.id}-${i}`;
      item.setAttribute("role", "option");
      item.textContent = word.shown;
      return item;
    }));
    this.select();
    const line = area.value.slice(0, area.selectionStart).split("\n").length;
    const top = area.offsetTop + 10 + line * LINE_PX - area.scrollTop;
    this.list.hidden = false;
    const room = this.editor.box.clientHeight - this.list.offsetHeight - 4;
    const above = top - LINE_PX - this.list.offsetHeight;
    this.list.style.top = `${Math.max(0, top <= room ? top : above >= 0 ? above : room)}px`;
    const width = this.charWidth ??= measure(area);
    const left = area.offsetLeft + 12 + column * width - area.scrollLeft;
    this.list.style.left = `${Math.max(0, Math.min(left, this.editor.box.clientWidth - this.list.offsetWidth - 4))}px`;
    area.setAttribute("aria-controls", this.list.id);
  }

  select() {
    [...this.list.children].forEach((item, i) => item.setAttribute("aria-selected", i === this.at));
    this.list.children[this.at]?.scrollIntoView({ block: "nearest" });
    this.editor.area.setAttribute("aria-activedescendant", `${this.list.id}-${this.at}`);
  }

  accept() {
    const { word } = this.found[this.at];
    const { area } = this.editor;
    const part = this.part;
    this.close();
    area.setSelectionRange(area.selectionStart - part.length, area.selectionStart);
    insert(word);
    if (word.endsWith("()")) area.setSelectionRange(area.selectionStart - 1, area.selectionStart - 1);
    this.close();
  }

  close() {
    this.list.hidden = true;
    this.editor.area.removeAttribute("aria-activedescendant");
    this.editor.area.removeAttribute("aria-controls");
  }

  // True when the key was for the list.
  key(event) {
    if (event.key === " " && event.ctrlKey) { event.preventDefault(); this.update(true); return true; }
    if (this.list.hidden) return false;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      this.at = (this.at + (event.key === "ArrowDown" ? 1 : -1) + this.found.length) % this.found.length;
      this.select();
    } else if (event.key === "Enter" || event.key === "Tab") this.accept();
    else if (event.key === "Escape") this.close();
    else { if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) this.close(); return false; }
    event.preventDefault();
    return true;
  }
}

// What was typed and not run is kept in this browser, and offered, not forced, the next time.
class Draft {
  constructor(editor) {
    this.editor = editor;
    this.key = "sandtable.draft." + editor.area.dataset.draft;
    this.shipped = editor.area.value;
    addEventListener("pagehide", () => this.write());
    const kept = this.load();
    const offer = document.getElementById("draft-offer");
    if (kept && kept.text !== this.shipped && offer) {
      offer.querySelector("time").textContent = new Date(kept.at).toISOString().slice(0, 16).replace("T", " ") + " UTC";
      offer.hidden = false;
      offer.querySelector("[data-restore]").addEventListener("click", () => { offer.hidden = true; editor.replace(kept.text); });
      offer.querySelector("[data-discard]").addEventListener("click", () => { offer.hidden = true; this.drop(); });
    }
  }

  load() {
    try { return JSON.parse(localStorage.getItem(this.key)); } catch { return null; }
  }

  save() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.write(), 400);
  }

  // What is waiting to be kept; also called when the page is left, before its time.
  write() {
    if (!this.timer) return;
    this.timer = clearTimeout(this.timer);
    const text = this.editor.area.value;
    if (text === this.shipped) return;
    try { localStorage.setItem(this.key, JSON.stringify({ text, at: Date.now() })); } catch { /* full or forbidden */ }
  }

  drop() {
    this.timer = clearTimeout(this.timer);
    try { localStorage.removeItem(this.key); } catch { /* forbidden */ }
  }
}

function make(tag, className) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  return element;
}

function measure(area) {
  const probe = document.createElement("canvas").getContext("2d");
  probe.font = getComputedStyle(area).font;
  return probe.measureText("0".repeat(100)).width / 100;
}

const upgrade = (root) => root.querySelectorAll?.("textarea[data-editor]:not([data-ready])").forEach((area) => new Editor(area));
upgrade(document);
document.addEventListener("htmx:load", (event) => upgrade(event.target));
document.addEventListener("htmx:afterSettle", () => {
  document.querySelectorAll("textarea[data-ready]").forEach((area) => area.editor.readProblems());
});
document.addEventListener("click", (event) => {
  const problem = event.target.closest("[data-go-line]");
  if (problem) document.querySelector("textarea[data-ready]")?.editor.goTo(+problem.dataset.goLine, +problem.dataset.goColumn);
});
// The draft has served once the run is accepted: htmx then asks for another page.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  if (event.detail.xhr.getResponseHeader("HX-Redirect")) document.querySelectorAll("textarea[data-ready]").forEach((a) => a.editor.draft?.drop());
});
