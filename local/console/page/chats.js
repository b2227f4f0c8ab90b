// The chats, their bells, and what the service says of each.

import { act, announce, ask, attempt, call, tell } from "./api.js";
import { moment } from "./times.js";
import { zone } from "./policies.js";

const list = document.querySelector("#chats");
const row = document.querySelector("#chat-row");
const rows = new Map();
let chats = [];
let holds = new Map();
let simulated = true;
let waiting;

/** Shows the chats as the portal has them now. */
export function render(seen, isSimulated) {
  const before = new Map(chats.map((chat) => [chat.dialog_id, chat.muted]));
  chats = seen;
  simulated = isSimulated;
  for (const chat of chats) {
    if (!rows.has(chat.dialog_id)) rows.set(chat.dialog_id, make(chat.dialog_id));
    if (before.has(chat.dialog_id) && before.get(chat.dialog_id) !== chat.muted) {
      tell(`${chat.title} is ${chat.muted ? "muted" : "audible"} now`, chat.muted ? "muted" : "audible");
      if (!rows.get(chat.dialog_id).querySelector(".said").hidden) explain(chat.dialog_id);
    }
  }
  const wanted = chats.map((chat) => rows.get(chat.dialog_id));
  if (wanted.some((one, at) => one !== list.children[at]) || wanted.length !== list.children.length) {
    list.replaceChildren(...wanted);  // only then: a row that is put in again loses the focus
  }
  draw();
  lookAtHolds();
}

/** Asks the service again why chats are muted; not more often than is useful. */
export function lookAtHolds() {
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    await attempt(async () => {
      const page = await ask("GET", "/holds");
      holds = new Map(page.holds.map((hold) => [hold.dialog_id, hold]));
    });
    draw();
  }, 150);
}

/** Asks again of the chats whose answer is open. */
export function lookAgain() {
  for (const [name, one] of rows) if (!one.querySelector(".said").hidden) explain(name);
}

function draw() {
  const muted = chats.filter((chat) => chat.muted).length;
  document.querySelector("#count").textContent = `${muted} of ${chats.length} muted`;
  document.querySelector("#let-go").disabled = holds.size === 0;
  for (const chat of chats) {
    const one = rows.get(chat.dialog_id);
    const bell = one.querySelector(".bell");
    one.classList.toggle("muted", chat.muted === true);
    one.querySelector(".name").textContent = chat.title;
    one.querySelector(".why").textContent = why(chat);
    bell.setAttribute("aria-pressed", String(chat.muted === true));
    bell.setAttribute("aria-label", `Mute ${chat.title}`);
    bell.disabled = chat.mutable === false;
    for (const button of one.querySelectorAll(".said .actions button")) button.disabled = chat.mutable === false;
  }
}

function why(chat) {
  const hold = holds.get(chat.dialog_id);
  if (chat.mutable === false) return "audible · cannot be muted in Bitrix24";
  if (!chat.muted) return "audible";
  if (!hold) return "muted by hand";
  const owners = hold.owners.map(owner).join(" and ");
  return `kept muted by ${owners || "a person"}${hold.prior_muted ? " · was muted before" : ""}`;
}

function owner(name) {
  const [kind, ...rest] = name.split(":");
  const who = rest.join(":");
  const last = who.replace(/^.*\//, "");
  return kind === "caller" ? last : `${kind} ${last}`;
}

// ---- one chat --------------------------------------------------------------------------------------------------------

function make(name) {
  const one = row.content.firstElementChild.cloneNode(true);
  const said = one.querySelector(".said");
  const asking = one.querySelector(".ask");
  said.id = `said-${name}`;
  asking.setAttribute("aria-controls", said.id);
  one.querySelector(".bell").addEventListener("click", () => press(name));
  asking.setAttribute("aria-label", `Ask the service about ${find(name).title}`);
  for (const button of said.querySelectorAll("[data-for]")) {
    button.setAttribute("aria-label", `Snooze ${find(name).title} for ${button.textContent.replace("Snooze ", "")}`);
  }
  asking.addEventListener("click", () => {
    said.hidden = !said.hidden;
    asking.setAttribute("aria-expanded", String(!said.hidden));
    if (!said.hidden) explain(name);
  });
  said.addEventListener("click", (event) => {
    const { for: lasting, mute } = event.target.dataset ?? {};
    if (lasting || mute) tellService(name, lasting ? { FOR: lasting, REASON: "console" } : { MUTE: mute });
  });
  return one;
}

function find(name) {
  return chats.find((chat) => chat.dialog_id === name);
}

/** A person presses the bell: in the simulated portal itself; on a real one it is asked for. */
function press(name) {
  const chat = find(name);
  if (simulated) return attempt(() => act("/bell", { chat_id: chat.chat_id, muted: !chat.muted }));
  return tellService(name, { MUTE: chat.muted ? "N" : "Y" });
}

async function tellService(name, fields) {
  const done = await attempt(() => call("POST", "/im.chat.mute", { DIALOG_ID: name, ...fields }));
  const what = fields.FOR ? "snoozed" : fields.MUTE === "N" ? "unmuted" : "muted";
  if (done) announce(`${find(name).title} is ${what}, by the service.`);
  lookAtHolds();
  lookAgain();
  if (done && !simulated) document.dispatchEvent(new Event("portal"));
}

/** What `GET /chats/{id}` says, in sentences. */
async function explain(name) {
  const place = rows.get(name).querySelector(".answer");
  await attempt(async () => {
    const said = await ask("GET", `/chats/${name}`);
    const at = (when) => (when ? moment(when, zone()) : "no end in sight");
    const now = said.muted ? "Muted." : "Audible.";
    const lines = [said.muted === null ? "The portal does not say whether it is muted." : now];
    for (const hold of said.holds) {
      lines.push(`Kept muted by ${owner(hold.owner)} until ${at(hold.until)}${hold.reason ? ` (${hold.reason})` : ""}.`);
    }
    if (said.prior_muted) lines.push("It was muted before, so it is muted afterwards.");
    if (said.keep) lines.push("Somebody muted it without an end: it stays muted after every window.");
    if (said.overridden_until) lines.push(`A person unmuted it: it is left alone until ${at(said.overridden_until)}.`);
    const next = said.next_change;
    lines.push(next ? `Next: ${next.muted ? "muted" : "audible"} from ${at(next.at)} on.` : "No change is to come.");
    if (document.body.classList.contains("travelling")) {
      lines.push("The service counts from the real clock, not from played time.");
    }
    place.replaceChildren(...lines.map((line) => Object.assign(document.createElement("p"), { textContent: line })));
  });
}

document.querySelector("#let-go").addEventListener("click", () => attempt(async () => {
  const { releasing } = await ask("DELETE", "/holds");
  announce(`Letting go of ${releasing} at the next tick, within a minute.`);
  lookAtHolds();
}));
