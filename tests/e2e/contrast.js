// Every text's and control's contrast on this page: [what, its ratio, the least that WCAG AA asks for].
() => {
  const parse = (text) => { const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number); return [r, g, b, a]; };
  const light = ([r, g, b]) => [r, g, b].map((part) => part / 255)
    .map((part) => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [.2126, .7152, .0722][at], 0);
  const ratio = (one, other) => { const [a, b] = [light(one), light(other)].sort((x, y) => y - x); return (a + .05) / (b + .05); };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement ?? one.getRootNode().host) {
      const colour = parse(getComputedStyle(one).backgroundColor);
      if (colour[3] === 1) return colour;
    }
    throw new Error("no ground");
  };
  const found = [];
  const words = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  for (const element of document.querySelectorAll("body *")) {
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (element.closest("dialog") === null && document.querySelector("dialog[open]")) continue;
    const style = getComputedStyle(element);
    if (words(element) || element.matches("input:not([type=checkbox], [type=radio]), select")) {
      if (element.disabled !== true) found.push([element.textContent.trim().slice(0, 30) || element.id, ratio(parse(style.color), ground(element)), 4.5]);
    }
    if (element.matches("button.bell:enabled")) found.push([element.ariaLabel, ratio(parse(style.color), ground(element)), 3]);
    if (element.matches("input:not([type=checkbox], [type=radio]):enabled")) {
      found.push([`border of ${element.id || element.className}`, ratio(parse(style.borderColor), ground(element.parentElement)), 3]);
    }
    for (const text of element.shadowRoot?.querySelectorAll("text") ?? []) {
      if (!words(text) || getComputedStyle(text).display === "none") continue;
      const under = element.shadowRoot.querySelector(text.classList.contains("time") ? ".quiet, .off" : ".paper");
      found.push([text.textContent, ratio(parse(getComputedStyle(text).fill), parse(getComputedStyle(under).fill)), 4.5]);
    }
  }
  return found;
}
