// The API's picture of a week, put into the page where screen readers find it; and the time that is played in it.

import { later, local } from "./times.js";

const SVG = "http://www.w3.org/2000/svg";

/** Shows a picture in an element. Its style stays inside, as a sheet: the page allows no inline styles. */
export function show(place, text) {
  const [style, css] = /<style>([^<]*)<\/style>/.exec(text);
  const picture = new DOMParser().parseFromString(text.replace(style, ""), "image/svg+xml").documentElement;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`${css} .played { stroke: #d97706; stroke-width: 3 }`);
  const root = place.shadowRoot ?? place.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [sheet];
  root.replaceChildren(document.importNode(picture, true));
  return root.firstElementChild;
}

/** Marks a moment in a picture that begins with the date `first`; none where it is in no row. */
export function mark(picture, first, at, zone) {
  picture.querySelector(".played")?.remove();
  if (at === null) return;
  const bars = picture.querySelectorAll(":scope > rect.bar, :scope > rect.gap");  // a row's, side by side: its 24 hours
  const rows = Map.groupBy(bars, (bar) => Number(bar.getAttribute("y")));
  const { date, hours } = local(at, zone);
  const row = [...rows.keys()].find((_, index) => later(first, index) === date);
  if (row === undefined) return;
  const left = Number(rows.get(row)[0].getAttribute("x"));
  const width = rows.get(row).reduce((sum, bar) => sum + Number(bar.getAttribute("width")), 0);
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("class", "now played");
  line.setAttribute("d", `M${left + (hours / 24) * width} ${row - 5}v28`);
  picture.append(line);
}
