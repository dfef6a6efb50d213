// A Sankey diagram of a table whose rows are: from, to, how many. Nodes and links lead where the table's cells lead.
import { sankey, sankeyLinkHorizontal } from "d3-sankey";

import { shape, within } from "./svg.js";

const WIDTH = 960, HEIGHT = 420, NODE = 14, LABEL = 190;

export const draw = (place, table) => {
  const names = new Map();
  const links = [...table.tBodies[0].rows].map((row) => {
    const [from, to, number] = row.cells;
    const [source, target] = [from, to].map((cell) => {
      const name = cell.textContent.trim();
      // a name may stand on both sides: a node is a name and its column's step
      const id = cell.dataset.node ?? name;
      if (!names.has(id)) names.set(id, { id, name, address: cell.querySelector("a")?.getAttribute("href") });
      return id;
    });
    return { source, target, value: Number(number.textContent.replaceAll(",", "")), address: number.querySelector("a")?.getAttribute("href") };
  });
  const layout = sankey().nodeId((node) => node.id).nodeWidth(NODE).nodePadding(14).extent([[LABEL, 8], [WIDTH - LABEL, HEIGHT - 8]]);
  const graph = layout({ nodes: [...names.values()], links });
  const svg = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "flow", "aria-hidden": "true" }); // its table twin is what is read aloud
  const path = sankeyLinkHorizontal();
  for (const link of graph.links) {
    const line = shape("path", { d: path(link), class: "link", "stroke-width": Math.max(1, link.width) });
    line.append(shape("title", {}, `${link.source.name} → ${link.target.name}: ${link.value}`));
    svg.append(...within(link.address, line));
  }
  for (const node of graph.nodes) {
    const last = node.x1 > WIDTH - LABEL - 1, middle = node.x0 > LABEL && !last;
    const box = shape("rect", { x: node.x0, y: node.y0, width: NODE, height: Math.max(1, node.y1 - node.y0), class: "node" });
    const label = shape("text", {
      x: last || middle ? node.x1 + 6 : node.x0 - 6, y: (node.y0 + node.y1) / 2, dy: "0.35em",
      "text-anchor": last || middle ? "start" : "end",
    }, middle ? node.name : `${node.name} ${node.value}`); // what goes through is counted once for each way it takes
    svg.append(...within(node.address, box, label));
  }
  place.replaceChildren(svg);
};
