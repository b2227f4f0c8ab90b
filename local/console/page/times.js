// Instants as people of a zone see them.

const formats = new Map();

function format(zone, options) {
  const key = zone + JSON.stringify(options);
  if (!formats.has(key)) {
    formats.set(key, new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options }));
  }
  return formats.get(key);
}

/** The zone of this machine, by the name that a policy takes. */
export const here = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** `Tue 24 Nov, 22:00`. */
export function moment(at, zone) {
  const parts = format(zone, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" })
    .formatToParts(new Date(at));
  const found = Object.fromEntries(parts.map((part) => [part.type, part.value]));
  return `${found.weekday} ${found.day} ${found.month}, ${found.hour}:${found.minute}`;
}

/** The local date, `2026-11-24`, and the hours since its midnight as clocks show them. */
export function local(at, zone) {
  const options = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" };
  const parts = format(zone, options).formatToParts(new Date(at));
  const found = Object.fromEntries(parts.map((part) => [part.type, part.value]));
  return { date: `${found.year}-${found.month}-${found.day}`, hours: Number(found.hour) + Number(found.minute) / 60 };
}

/** A date some days later. */
export function later(date, days) {
  const moved = new Date(`${date}T00:00:00Z`);
  moved.setUTCDate(moved.getUTCDate() + days);
  return moved.toISOString().slice(0, 10);
}

/** The date of that week's Monday. */
export function monday(date) {
  return later(date, -((new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7));
}
