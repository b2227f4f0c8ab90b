// The policies: which one is looked at, its week, and what can be done with it.

import { announce, ask, attempt, call } from "./api.js";
import { edit } from "./editor.js";
import { later, local, monday, here } from "./times.js";
import * as week from "./week.js";

const get = (id) => document.querySelector(`#${id}`);
let policies = [];
let chosen = null;
let first = null;
let picture = null;
let played = null;

/** The zone in which times are told: the policy's that is looked at. */
export function zone() {
  return find()?.timezone ?? here;
}

/** Reads the policies again, and draws the one that is looked at. */
export async function refresh(name = chosen) {
  await attempt(async () => { policies = (await ask("GET", "/quiet-hours")).policies; });
  chosen = policies.some((policy) => policy.name === name) ? name : policies[0]?.name ?? null;
  const none = chosen === null;
  get("choice").hidden = policies.length < 2;
  get("policy-actions").hidden = get("week").hidden = none;
  get("no-policy").hidden = !none;
  get("choice").replaceChildren(...policies.map(chip));
  if (!none) await draw();
}

/** Where played time is, or null. */
export function travel(at) {
  played = at;
  if (picture === null || find() === undefined) return;
  const start = monday(local(at ?? Date.now(), zone()).date);
  if (at !== null && start !== first) { first = start; draw(); } else week.mark(picture, first, at, zone());
}

function find() {
  return policies.find((policy) => policy.name === chosen);
}

function chip(policy) {
  const label = document.createElement("label");
  const radio = Object.assign(document.createElement("input"), { type: "radio", name: "policy", value: policy.name });
  radio.checked = policy.name === chosen;
  radio.addEventListener("change", () => { chosen = policy.name; first = null; draw(); });
  label.className = "chip";
  label.append(radio, policy.name);
  return label;
}

async function draw() {
  first ??= monday(local(played ?? Date.now(), zone()).date);
  await attempt(async () => {
    const path = `/quiet-hours/${chosen}/preview?from=${first}&days=7`;
    const answer = await call("GET", path, undefined, { Accept: "image/svg+xml" });
    picture = week.show(get("week"), await answer.text());
    week.mark(picture, first, played, zone());
    get("unskip").hidden = picture.querySelector("rect.skipped") === null;
  });
}

function move(days) {
  first = days === 0 ? null : later(first, days);
  return draw();
}

async function change(done, method, path, headers) {
  if (await attempt(() => call(method, `/quiet-hours/${path}`, undefined, headers))) announce(done);
  await refresh();
}

const WORK = ["mon", "tue", "wed", "thu", "fri"];
const FREE = ["sat", "sun"];
const examples = {
  night: { name: "night", windows: [{ days: [...WORK, ...FREE], start: "22:00", end: "07:00" }] },
  office: { name: "after-work", windows: [
    { days: WORK, start: "19:00", end: "08:00" },
    { days: FREE, start: "00:00", end: "24:00" },
  ] },
  lunch: { name: "lunch", windows: [{ days: WORK, start: "12:30", end: "13:15" }] },
};

get("new-policy").addEventListener("click", () => edit({ ...examples.night, name: "" }, null, refresh));
for (const button of document.querySelectorAll("[data-example]")) {
  button.addEventListener("click", () => edit(examples[button.dataset.example], null, refresh));
}
get("edit").addEventListener("click", () => attempt(async () => {
  const answer = await call("GET", `/quiet-hours/${chosen}`);
  edit(await answer.json(), answer.headers.get("ETag"), refresh);
}));
get("delete").addEventListener("click", () => {
  if (confirm(`Delete the policy ${chosen}? What it keeps muted is let go of at the next tick.`)) {
    change(`Policy ${chosen} is deleted.`, "DELETE", chosen);
  }
});
get("skip").addEventListener("click", () => change("The running or the next window is left out.", "POST", `${chosen}/skip`));
get("unskip").addEventListener("click", () => change("The skip is taken back.", "DELETE", `${chosen}/skip`));
get("earlier").addEventListener("click", () => move(-7));
get("later").addEventListener("click", () => move(7));
get("today").addEventListener("click", () => move(0));
