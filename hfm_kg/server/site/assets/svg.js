// Shapes of SVG, as drawings make them.
export const shape = (name, attributes, text) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  return element;
};

// Parts within a link, if it leads anywhere. The pointer alone follows it: the keyboard has the same link in the table twin.
export const within = (address, ...parts) => {
  if (!address) return parts;
  const link = shape("a", { href: address, tabindex: "-1" });
  link.append(...parts);
  return [link];
};
