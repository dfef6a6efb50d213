// What pages gain where scripts run; all of them work without.
"use strict";

// --- dark or light, remembered ---
const theme = document.querySelector("button.theme");
const isDark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};
const showTheme = () => { theme.textContent = isDark() ? "Light" : "Dark"; theme.title = `Use ${isDark() ? "light" : "dark"} colours`; };
theme.hidden = false;
showTheme();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);
theme.addEventListener("click", () => {
  const next = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  try { localStorage.setItem("theme", next); } catch { /* not remembered then */ }
  showTheme();
});

// --- answers while one types: the combobox pattern of the ARIA Authoring Practices ---
const box = document.querySelector("#q");
const hits = document.createElement("ul");
const said = document.createElement("p");
let asked = 0, active = -1;
hits.id = "hits";
hits.setAttribute("role", "listbox");
hits.setAttribute("aria-label", "Things that are called so");
hits.hidden = true;
said.className = "unseen";
said.setAttribute("role", "status");
box.closest("form").append(hits, said);
Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-controls": "hits", "aria-expanded": "false" })
  .forEach(([name, value]) => box.setAttribute(name, value));

const close = () => { hits.hidden = true; active = -1; box.setAttribute("aria-expanded", "false"); box.removeAttribute("aria-activedescendant"); };
const choose = (number) => {
  const options = [...hits.children];
  active = (number + options.length) % options.length;
  options.forEach((option, place) => option.setAttribute("aria-selected", String(place === active)));
  box.setAttribute("aria-activedescendant", options[active].id);
  options[active].scrollIntoView({ block: "nearest" });
};
const show = (found) => {
  hits.replaceChildren(...found.map((hit, place) => {
    const option = document.createElement("li");
    const [name, kind, why] = ["span", "span", "span"].map((tag) => document.createElement(tag));
    option.id = `hit-${place}`;
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    option.dataset.path = hit.path;
    name.textContent = hit.name;
    kind.textContent = hit.kind;
    kind.className = "kind";
    why.textContent = hit.reason === "label" ? "" : hit.reason + (hit.found === hit.name ? "" : `: ${hit.found}`);
    why.className = "why";
    option.append(name, " ", kind, " ", why);
    return option;
  }));
  hits.hidden = !found.length;
  active = -1;
  box.setAttribute("aria-expanded", String(Boolean(found.length)));
  box.removeAttribute("aria-activedescendant");
  said.textContent = `${found.length} things`;
};
box.addEventListener("input", async () => {
  const text = box.value.trim(), mine = ++asked;
  if (!text) return close();
  await new Promise((resolve) => setTimeout(resolve, 60));
  if (mine !== asked) return;
  try {
    const answer = await fetch(`/search.json?q=${encodeURIComponent(text)}`);
    if (answer.ok && mine === asked) show((await answer.json()).hits);
  } catch { close(); }
});
box.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return close();
  if (hits.hidden) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    choose(active + (event.key === "ArrowDown" ? 1 : active < 0 ? 0 : -1));
  } else if (event.key === "Enter" && active >= 0) {
    event.preventDefault();
    location.assign(hits.children[active].dataset.path);
  }
});
hits.addEventListener("mousedown", (event) => {
  const option = event.target.closest("[role=option]");
  if (option) { event.preventDefault(); location.assign(option.dataset.path); }
});
box.addEventListener("blur", close);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.target.closest("input, textarea, select, [contenteditable]")) {
    event.preventDefault();
    box.focus();
  }
});

// --- lists follow their filters; on narrow screens these stay shut until asked for ---
const filters = document.querySelector("form.filters");
if (filters) {
  if (matchMedia("(width < 80rem)").matches) filters.querySelector(".narrow").open = false;
  filters.addEventListener("change", (event) => { if (event.target.matches("[type=checkbox], [type=radio]")) filters.requestSubmit(); });
  filters.addEventListener("submit", () => {
    filters.querySelectorAll("input").forEach((input) => { if (!input.value) input.disabled = true; });
  });
}

// --- figures are drawn of their table twins ---
document.querySelectorAll("figure[data-module]").forEach(async (figure) => {
  const place = figure.querySelector(".drawing"), twin = figure.querySelector(".twin");
  try {
    const { draw } = await import(figure.dataset.module);
    place.hidden = false;
    draw(place, twin.querySelector("table"));
    twin.open = false;
  } catch (error) {
    place.hidden = true;
    console.error(error);
  }
});
