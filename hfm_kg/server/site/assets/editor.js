// The query page where scripts run: an editor with our vocabulary, and views of the result. Without it the form works alone.
import Yasqe from "@zazuko/yasqe";

const form = document.querySelector("form.ask"), area = form.querySelector("textarea");
const NAME = /^[A-Za-z][\w-]*(:[\w-]*)?$|^<[^>\s]*$/, ENOUGH = 2, HINTS = 60;

// --- completion from our own vocabulary, asked of this server alone ---
const vocabulary = fetch(form.dataset.words).then((answer) => answer.json());
const local = (name) => name.replace(/^<|>$/g, "").replace(/^.*[/:#]/, "").toLowerCase();
const rank = (word, typed) => {
  if (word.name.startsWith(typed)) return 0;
  const part = local(typed);
  if (!part) return typed.includes(":") && word.name.startsWith(typed) ? 0 : -1;
  if (local(word.name).startsWith(part) || word.label.toLowerCase().startsWith(part)) return 1;
  return local(word.name).includes(part) || word.label.toLowerCase().includes(part) ? 2 : -1;
};
const fitting = (words, property) => {
  if (property === "a" || property === "rdf:type") return words.filter((word) => word.kind === "class");
  const range = property && words.find((word) => word.name === property)?.range;
  const within = range ? words.filter((word) => word.types?.includes(range)) : [];
  return within.length ? within : words;
};
for (const name of Object.keys(Yasqe.Autocompleters)) if (name !== "variables") delete Yasqe.Autocompleters[name]; // they ask prefix.cc and LOV
Yasqe.defaults.autocompleters = ["variables"];
const lastProperty = (editor) => {
  const token = editor.getCompleteToken();
  return editor.getPreviousNonWsToken(editor.getDoc().getCursor().line, token).state?.lastProperty;
};
const typedAt = (editor) => editor.getCompleteToken().string.trim();
Yasqe.registerAutocompleter({
  name: "vocabulary",
  autoShow: true,
  bulk: false,
  isValidCompletionPosition: (editor) => {
    const token = editor.getCompleteToken(), typed = token.string.trim();
    if (["comment", "string", "variable", "atom"].includes(token.type)) return false;
    return typed ? NAME.test(typed) && typed.length >= ENOUGH : Boolean(lastProperty(editor)) && editor.asked;
  },
  get: async (editor) => {
    const { words } = await vocabulary, typed = typedAt(editor);
    const property = lastProperty(editor), some = property && property !== typed ? fitting(words, property) : words;
    const found = some.map((word) => [typed ? rank(word, typed) : 0, word]).filter(([place]) => place >= 0);
    found.sort(([one], [other]) => one - other);
    const names = found.slice(0, HINTS).map(([, word]) => word.name);
    return names.length === 1 && names[0] === typed ? [] : names;
  },
  postprocessHints: (editor, hints) => hints.map((hint) => ({
    ...hint,
    render: async (element) => {
      const word = (await vocabulary).words.find(({ name }) => name === hint.text);
      const name = document.createElement("span"), more = document.createElement("span");
      name.textContent = hint.text;
      more.className = "why";
      more.textContent = [word?.label, word?.kind].filter(Boolean).join(", ");
      element.append(name, " ", more);
    },
  })),
});

// --- the editor in place of the text area ---
const place = document.createElement("div");
area.after(place);
area.hidden = true;
document.querySelector("label[for=query]").removeAttribute("for");
const editor = new Yasqe(place, {
  value: area.value,
  persistenceId: null,
  consumeShareLink: null,
  createShareableLink: null,
  showQueryButton: false,
  resizeable: false,
  syntaxErrorCheck: false, // it takes prefixes that the server knows for mistakes; the server tells what is wrong, and where
  editorHeight: "auto",
  viewportMargin: Infinity,
  extraKeys: {
    Tab: false, // the keyboard must be able to leave
    "Shift-Tab": false,
    "Ctrl-Enter": () => run(),
    "Cmd-Enter": () => run(),
    "Ctrl-S": () => share(),
    "Ctrl-Space": () => { editor.asked = true; editor.autocomplete(); editor.asked = false; },
  },
});
const input = editor.getInputField();
input.setAttribute("aria-label", "SPARQL query");
input.setAttribute("aria-describedby", "keys");
document.querySelector("#keys").hidden = false;
for (const button of form.querySelectorAll("button[hidden]")) button.hidden = false;

// --- mistakes at their place ---
let mark;
const point = () => {
  const mistake = document.querySelector("#result [data-line]");
  mark?.clear();
  if (!mistake) return;
  const line = Number(mistake.dataset.line) - 1, ch = Number(mistake.dataset.column) - 1;
  const doc = editor.getDoc(), length = (doc.getLine(line) ?? "").length, from = Math.min(ch, Math.max(0, length - 1));
  const rest = /^\S+/.exec((doc.getLine(line) ?? "").slice(from))?.[0].length ?? 1;
  mark = doc.markText({ line, ch: from }, { line, ch: from + rest }, { className: "mistaken" });
  editor.focus();
  doc.setCursor({ line, ch: Math.min(ch, length) });
};
editor.on("change", () => mark?.clear());

// --- views of a result ---
const showViews = () => {
  const result = document.querySelector("#result"), table = result.querySelector("table");
  if (!table) return;
  const tables = result.querySelector(".table"), drawing = document.createElement("div"), raw = document.createElement("pre");
  const tabs = document.createElement("div");
  const views = [
    ["Table", tables, async () => {}],
    ["Chart", drawing, async () => (await import(result.dataset.chart)).draw(drawing, table)],
    ["Graph", drawing, async () => (await import(result.dataset.graph)).draw(drawing, table)],
    ["Raw", raw, async () => {
      if (!raw.textContent) raw.textContent = (await (await fetch(result.dataset.raw)).text()).slice(0, 200_000);
    }],
  ];
  drawing.className = "drawing";
  tabs.setAttribute("role", "tablist");
  tabs.setAttribute("aria-label", "Views of the result");
  for (const [part, name] of [[tables, "table"], [drawing, "drawing"], [raw, "raw"]]) {
    part.id = `view-${name}`;
    part.setAttribute("role", "tabpanel");
    part.tabIndex = 0;
    part.hidden = part !== tables;
  }
  const buttons = views.map(([name, panel], number) => {
    const button = document.createElement("button");
    button.type = "button";
    button.id = `tab-${name.toLowerCase()}`;
    button.textContent = name;
    button.setAttribute("role", "tab");
    button.setAttribute("aria-controls", panel.id);
    button.addEventListener("click", () => choose(number));
    return button;
  });
  const choose = async (number) => {
    const [, panel, fill] = views[number];
    buttons.forEach((button, other) => {
      button.setAttribute("aria-selected", String(other === number));
      button.tabIndex = other === number ? 0 : -1;
    });
    for (const part of [tables, drawing, raw]) part.hidden = part !== panel;
    panel.setAttribute("aria-labelledby", buttons[number].id);
    await fill();
  };
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const open = buttons.filter((button) => !button.disabled);
    const next = open[(open.indexOf(document.activeElement) + step + open.length) % open.length];
    next.focus();
    next.click();
  });
  tabs.append(...buttons);
  tables.before(tabs);
  tables.after(drawing, raw);
  choose(0);
  if (result.dataset.graph) import(result.dataset.graph).then(({ columns }) => { buttons[2].disabled = !columns(table); });
};

// --- running ---
const address = () => `/query?${new URLSearchParams({ query: editor.getValue(), format: "html" })}`;
const said = document.querySelector("#said");
let under;
const run = async () => {
  under?.abort();
  under = new AbortController();
  const there = address();
  said.textContent = "Running…";
  try {
    const answer = await fetch(there, { signal: under.signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.querySelector("#result").replaceWith(document.adoptNode(page.querySelector("#result")));
    if (location.pathname + location.search !== there) history.pushState(null, "", there);
    said.textContent = document.querySelector("#result caption, #result .answer")?.textContent ?? "";
    showViews();
    point();
  } catch (error) {
    if (error.name !== "AbortError") said.textContent = "The server did not answer.";
  }
};
form.addEventListener("submit", (event) => {
  area.value = editor.getValue();
  if (form.format.value !== "html") return;
  event.preventDefault();
  run();
});
addEventListener("popstate", () => location.reload());

// --- sharing: the whole query is in the address ---
const share = async () => {
  const link = form.querySelector("input.link");
  link.value = location.origin + address();
  link.closest("p").hidden = false;
  link.select();
  try {
    await navigator.clipboard.writeText(link.value);
    said.textContent = "The link is copied.";
  } catch { said.textContent = "Copy the link."; }
};
form.querySelector("button.share").addEventListener("click", share);

// --- questions are looked through ---
const wanted = document.querySelector("#wanted");
wanted.closest("p").hidden = false;
wanted.addEventListener("input", () => {
  const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const topic of document.querySelectorAll(".topic")) {
    let any = false;
    for (const item of topic.querySelectorAll("li")) {
      const fits = words.every((word) => item.textContent.toLowerCase().includes(word));
      item.hidden = !fits;
      any ||= fits;
    }
    topic.hidden = !any;
    topic.open = Boolean(words.length) || topic.dataset.first === "true";
  }
});

showViews();
point();
