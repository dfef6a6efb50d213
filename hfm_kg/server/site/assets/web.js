// A result as nodes and arrows: its triples, or what its first two columns of things join.
import { forceCenter, forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY } from "d3-force";

import { shape, within } from "./svg.js";

const MOST = 200, WIDTH = 960, HEIGHT = 600, RADIUS = 7, LETTERS = 28, STEPS = 300;

// Which columns are drawn as [from, to], null if fewer than two hold things.
export const columns = (table) => {
  const rows = [...table.tBodies[0].rows], heads = [...table.tHead.rows[0].cells];
  if (table.classList.contains("triples")) return rows.length ? [0, 2] : null;
  const things = heads.flatMap((_, column) => (rows.some((row) => row.cells[column].querySelector("a")) ? [column] : []));
  return things.length > 1 ? things.slice(0, 2) : null;
};

const read = (table) => {
  const [from, to] = columns(table), triples = table.classList.contains("triples");
  const nodes = new Map(), links = [];
  const node = (cell) => {
    const address = cell.querySelector("a")?.getAttribute("href"), name = cell.textContent.trim();
    const id = address ?? name;
    if (!nodes.has(id)) nodes.set(id, { id, name, address });
    return id;
  };
  const rows = [...table.tBodies[0].rows].filter((row) => row.cells[from].textContent.trim() && row.cells[to].textContent.trim());
  for (const row of rows.slice(0, MOST)) {
    const name = triples ? row.cells[1].textContent.trim() : table.tHead.rows[0].cells[to].textContent;
    links.push({ source: node(row.cells[from]), target: node(row.cells[to]), name });
  }
  return { nodes: [...nodes.values()], links, left: rows.length - links.length };
};

const shortened = (name) => (name.length > LETTERS ? `${name.slice(0, LETTERS - 1)}…` : name);

export const draw = (place, table) => {
  const { nodes, links, left } = read(table);
  // positions come from the same start each time, so that a picture stays as it was
  forceSimulation(nodes)
    .force("link", forceLink(links).id((node) => node.id).distance(90))
    .force("charge", forceManyBody().strength(-220))
    .force("centre", forceCenter(0, 0))
    .force("x", forceX().strength(0.06)).force("y", forceY().strength(0.1))
    .force("apart", forceCollide(26))
    .stop().tick(STEPS);
  const margin = 120, xs = nodes.map((node) => node.x), ys = nodes.map((node) => node.y);
  const [left0, top] = [Math.min(...xs) - margin / 2, Math.min(...ys) - 30];
  const width = Math.max(WIDTH, Math.max(...xs) - left0 + 2 * margin), height = Math.max(HEIGHT / 2, Math.max(...ys) - top + 40);
  const svg = shape("svg", { viewBox: `${left0} ${top} ${width} ${height}`, class: "web", "aria-hidden": "true" }); // the table is what is read aloud
  const tip = shape("marker", { id: "tip", viewBox: "0 0 10 10", refX: 10 + RADIUS, refY: 5, markerWidth: 7, markerHeight: 7, orient: "auto" });
  tip.append(shape("path", { d: "M0,0 L10,5 L0,10 z", class: "tip" }));
  svg.append(tip);
  for (const { source, target, name } of links) {
    const line = shape("line", { x1: source.x, y1: source.y, x2: target.x, y2: target.y, class: "link", "marker-end": "url(#tip)" });
    line.append(shape("title", {}, `${source.name} – ${name} → ${target.name}`));
    svg.append(line);
  }
  for (const node of nodes) {
    const dot = shape("circle", { cx: node.x, cy: node.y, r: RADIUS, class: node.address ? "node" : "value" });
    dot.append(shape("title", {}, node.name));
    const label = shape("text", { x: node.x + RADIUS + 3, y: node.y, dy: "0.35em" }, shortened(node.name));
    svg.append(...within(node.address, dot, label));
  }
  const told = document.createElement("p");
  told.textContent = `${nodes.length} nodes, ${links.length} arrows${left ? `; ${left} rows are not drawn` : ""}`;
  place.replaceChildren(told, svg);
};
