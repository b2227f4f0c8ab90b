// Making and changing a policy, with the week it makes drawn by the service as one goes.

import { announce, attempt, call, Refused } from "./api.js";
import { here, local, monday } from "./times.js";
import * as week from "./week.js";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const get = (id) => document.querySelector(`#${id}`);
const [dialog, form, fault] = ["editor", "form", "fault"].map(get);
let version = null;
let saved = () => {};
let waiting;
let asked = 0;

get("zones").replaceChildren(...Intl.supportedValuesOf("timeZone").map((name) => {
  return Object.assign(document.createElement("option"), { value: name });
}));

/** Opens the editor: for a new policy, or with the `etag` of the one that is changed. */
export function edit(policy, etag, whenSaved) {
  [version, saved] = [etag, whenSaved];
  form.reset();
  get("editor-title").textContent = etag ? `Edit ${policy.name}` : "New policy";
  get("name").value = policy.name;
  get("name").readOnly = etag !== null;
  get("zone").value = policy.timezone ?? here;
  get("windows").replaceChildren();
  get("dates").replaceChildren();
  for (const window of policy.windows) addWindow(window);
  for (const [day, windows] of Object.entries(policy.dates ?? {})) {
    for (const window of windows.length ? windows : [null]) addDate(day, window);
  }
  const chats = policy.chats ?? { all: true };
  form.elements.which.value = chats.only ? "only" : "all";
  get("only").value = (chats.only ?? []).join(", ");
  get("title").value = chats.title ?? "";
  get("except").value = (chats.except ?? []).join(", ");
  get("workgroups").checked = chats.workgroups ?? false;
  form.dataset.types = JSON.stringify(chats.types ?? []);
  get("enabled").checked = policy.enabled ?? true;
  dialog.showModal();
  get(etag ? "zone" : "name").focus();
  changed();
}

// ---- the form ----------------------------------------------------------------------------------------------------------

function addWindow({ days, start, end }) {
  const row = get("window-row").content.firstElementChild.cloneNode(true);
  row.setAttribute("aria-label", `Window ${get("windows").children.length + 1}`);
  for (const day of DAYS) {
    const label = document.createElement("label");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", value: day, checked: days.includes(day) });
    label.className = "chip";
    label.append(box, day[0].toUpperCase() + day.slice(1));
    row.querySelector(".days").append(label);
  }
  setTimes(row, { start, end });
  get("windows").append(row);
}

function addDate(day, window) {
  const row = get("date-row").content.firstElementChild.cloneNode(true);
  row.querySelector(".day").value = day;
  if (window) {
    const whole = window.start === "00:00" && window.end === "24:00";
    row.querySelector(".kind").value = whole ? "whole" : "span";
    if (!whole) setTimes(row, window);
  }
  get("dates").append(row);
}

function setTimes(row, { start, end }) {
  row.querySelector(".start").value = start;
  row.querySelector(".end").value = end;
}

function times(row) {
  return { start: row.querySelector(".start").value, end: row.querySelector(".end").value };
}

function names(field) {
  return get(field).value.split(/[\s,]+/).filter(Boolean);
}

/** The policy as the API takes it. */
function read() {
  const windows = [...get("windows").children].map((row) => ({
    days: [...row.querySelectorAll(".days input:checked")].map((box) => box.value),
    ...times(row),
  }));
  const dates = {};
  for (const row of get("dates").children) {
    const [day, kind] = [row.querySelector(".day").value, row.querySelector(".kind").value];
    dates[day] ??= [];
    if (kind !== "loud") dates[day].push(kind === "whole" ? { start: "00:00", end: "24:00" } : times(row));
  }
  const [except, types] = [names("except"), JSON.parse(form.dataset.types)];
  const chats = form.elements.which.value === "only" ? { only: names("only") } : {
    all: true,
    ...(types.length && { types }),
    ...(get("title").value && { title: get("title").value }),
    ...(except.length && { except }),
    ...(get("workgroups").checked && { workgroups: true }),
  };
  return {
    timezone: get("zone").value,
    windows,
    ...(Object.keys(dates).length && { dates }),
    chats,
    enabled: get("enabled").checked,
  };
}

function arrange() {
  const only = form.elements.which.value === "only";
  get("which-only").hidden = !only;
  get("which-all").hidden = only;
  for (const row of get("dates").children) row.querySelector(".span").hidden = row.querySelector(".kind").value !== "span";
}

// ---- what the service says of it -----------------------------------------------------------------------------------------

/** The field that the service's description begins with. */
function field(description) {
  const [path] = description.split(": ");
  const number = Number(/^windows\[(\d+)\]/.exec(path)?.[1]);
  if (!Number.isNaN(number)) {
    const row = get("windows").children[number];
    return row?.querySelector(path.endsWith(".start") ? ".start" : path.endsWith(".end") ? ".end" : ".days input");
  }
  if (path.startsWith("dates.")) {
    return [...get("dates").querySelectorAll(".day")].find((one) => path.includes(one.value));
  }
  const named = { timezone: "zone", "chats.title": "title", "chats.except": "except", chats: "only" };
  return get(Object.entries(named).find(([start]) => path.startsWith(start))?.[1] ?? "name");
}

function blame(error) {
  for (const one of form.querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
  fault.textContent = error?.message ?? "";
  if (!(error instanceof Refused)) return;
  const faulty = field(error.message);
  faulty?.setAttribute("aria-invalid", "true");
  faulty?.setAttribute("aria-describedby", "fault");
}

function changed() {
  arrange();
  clearTimeout(waiting);
  waiting = setTimeout(preview, 200);
}

async function preview() {
  const mine = ++asked;
  const policy = read();
  try {
    const from = monday(local(Date.now(), here).date);
    const answer = await call("POST", `/quiet-hours/preview?from=${from}&days=7`, policy, { Accept: "image/svg+xml" });
    const text = await answer.text();
    if (mine !== asked) return;
    week.show(get("draft"), text).querySelector("text.name").textContent = get("name").value || "new policy";
    blame(null);
  } catch (error) {
    if (mine === asked) blame(error);
  }
}

async function save() {
  const name = get("name").value;
  if (!/^[a-z0-9][a-z0-9_-]{0,62}$/.test(name)) {
    const reason = "name: must be 1 to 63 of a-z, 0-9, _ and -, beginning with a letter or a digit";
    blame(new Refused(0, { error_description: reason }));
    get("name").focus();
    return;
  }
  try {
    await call("PUT", `/quiet-hours/${name}`, read(), version ? { "If-Match": version } : { "If-None-Match": "*" });
  } catch (error) {
    const other = version ? "Somebody has changed it meanwhile." : `name: there is a policy ${name} already`;
    if (error.status === 412) error.message = other;
    blame(error);
    field(error.message)?.focus();
    return;
  }
  dialog.close();
  announce(`Policy ${name} is saved. It takes effect within a minute.`);
  attempt(() => saved(name));
}

form.addEventListener("input", changed);
form.addEventListener("submit", (event) => { event.preventDefault(); save(); });
form.addEventListener("click", (event) => {
  if (!event.target.classList.contains("remove")) return;
  const rows = event.target.closest(".row").parentElement;
  event.target.closest(".row").remove();
  get(rows.id === "windows" ? "add-window" : "add-date").focus();
  changed();
});
get("add-window").addEventListener("click", () => {
  addWindow({ days: [], start: "12:30", end: "13:30" });
  get("windows").lastElementChild.querySelector("input").focus();
  changed();
});
get("add-date").addEventListener("click", () => {
  addDate(local(Date.now(), here).date, null);
  get("dates").lastElementChild.querySelector("input").focus();
  changed();
});
for (const id of ["cancel", "cancel-top"]) get(id).addEventListener("click", () => dialog.close());
