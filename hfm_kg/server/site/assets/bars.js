// A bar chart of a result's table: rows counted, or a column of numbers, by the values of another column.
import { shape, within } from "./svg.js";

const MOST = 40, WIDTH = 860, ROW = 24, LABEL = 260, VALUE = 70, LETTERS = 36;
const ROWS = "number of rows";

const choice = (label, names, chosen) => {
  const wrapper = document.createElement("label"), select = document.createElement("select");
  names.forEach((name, place) => select.add(new Option(name, place, place === chosen, place === chosen)));
  wrapper.append(`${label} `, select);
  return [wrapper, select];
};

const counted = (rows, by, of) => {
  const bars = new Map();
  for (const row of rows) {
    const cell = row.cells[by], name = cell.textContent.trim() || "(nothing)";
    const bar = bars.get(name) ?? { name, value: 0, address: cell.querySelector("a")?.getAttribute("href") };
    bar.value += of === null ? 1 : Number(row.cells[of].textContent) || 0;
    bars.set(name, bar);
  }
  return [...bars.values()];
};

const drawn = (bars, caption) => {
  const shown = bars.slice(0, MOST), height = shown.length * ROW;
  const most = Math.max(0, ...shown.map((bar) => bar.value)), least = Math.min(0, ...shown.map((bar) => bar.value));
  const scale = (value) => ((value - least) / (most - least || 1)) * (WIDTH - LABEL - VALUE);
  const svg = shape("svg", { viewBox: `0 0 ${WIDTH} ${height}`, class: "bars", "aria-hidden": "true" }); // the table is what is read aloud
  shown.forEach((bar, place) => {
    const y = place * ROW, from = scale(Math.min(0, bar.value)), to = scale(Math.max(0, bar.value));
    const name = bar.name.length > LETTERS ? `${bar.name.slice(0, LETTERS - 1)}…` : bar.name;
    const label = shape("text", { x: LABEL - 8, y: y + ROW / 2, dy: "0.35em", "text-anchor": "end" }, name);
    label.append(shape("title", {}, bar.name));
    svg.append(
      ...within(bar.address, label),
      shape("rect", { x: LABEL + from, y: y + 3, width: Math.max(1, to - from), height: ROW - 6, class: "bar" }),
      shape("text", { x: LABEL + to + 6, y: y + ROW / 2, dy: "0.35em" }, bar.value.toLocaleString("en")),
    );
  });
  const told = document.createElement("p");
  told.textContent = bars.length > MOST ? `${caption}; the first ${MOST} of ${bars.length}` : caption;
  return [told, svg];
};

export const draw = (place, table) => {
  const heads = [...table.tHead.rows[0].cells], names = heads.map((head) => head.textContent);
  const numbers = heads.flatMap((head, column) => (head.classList.contains("number") ? [column] : []));
  const texts = heads.flatMap((head, column) => (head.classList.contains("number") ? [] : [column]));
  const values = [ROWS, ...numbers.map((column) => names[column])];
  // a name and a number is what counting queries give; else rows are counted by the column with the fewest values
  const isCount = names.length === 2 && numbers.length === 1;
  const rows = [...table.tBodies[0].rows];
  const kinds = names.map((_, column) => new Set(rows.map((row) => row.cells[column].textContent.trim())).size);
  const fewest = kinds.reduce((best, kind, column) => (kind > 1 && (kinds[best] < 2 || kind < kinds[best]) ? column : best), 0);
  const [byLabel, by] = choice("For each", names, isCount ? texts[0] : fewest);
  const [ofLabel, of] = choice("the", values, isCount ? 1 : 0);
  const controls = document.createElement("p"), chart = document.createElement("div");
  controls.className = "controls";
  controls.append(byLabel, " ", ofLabel);
  const redraw = () => {
    const column = Number(of.value) ? numbers[Number(of.value) - 1] : null;
    const bars = counted(rows, Number(by.value), column);
    if (column === null) bars.sort((one, other) => other.value - one.value);
    chart.replaceChildren(...drawn(bars, `${values[Number(of.value)]} by ${names[Number(by.value)]}`));
  };
  controls.addEventListener("change", redraw);
  place.replaceChildren(controls, chart);
  redraw();
};
