// Follows the console's server, and hands on what it tells.

import { ask, attempt } from "./api.js";
import * as chats from "./chats.js";
import * as night from "./night.js";
import * as policies from "./policies.js";

const get = (id) => document.querySelector(`#${id}`);
const ALL = { timezone: "UTC", windows: [{ days: ["mon"], start: "00:00", end: "01:00" }], chats: { all: true, workgroups: true } };

/** A real portal pushes nothing to us: its chats are read when there is a reason to. */
async function readPortal() {
  await attempt(async () => {
    const found = await ask("POST", "/quiet-hours/preview?days=1&chats=1", ALL);
    chats.render(found.chats, false);
  });
}

function follow() {
  const events = new EventSource("/events");
  let simulated = null;
  events.onopen = () => { get("offline").hidden = true; };
  events.onerror = () => { get("offline").hidden = false; };
  events.onmessage = (event) => {
    const state = JSON.parse(event.data);
    if (simulated === null) {
      simulated = state.chats !== null;
      get("time").hidden = !simulated;
      get("chats-hint").textContent = simulated
        ? "A bell is Bitrix24’s own: pressing it is Ann, in the portal itself. “Ask” is the service’s side."
        : "Chats of the real portal, as they were when last read; a bell asks the service.";
      if (!simulated) readPortal();
    }
    if (simulated) chats.render(state.chats, true);
    night.render(state.night);
  };
}

async function introduce() {
  await attempt(async () => {
    const account = await ask("GET", "");
    get("account").textContent = account.usable
      ? `${account.account} · user ${account.user_id} on ${account.portal}`
      : `${account.account} is not usable: ${account.error}`;
  });
}

document.addEventListener("portal", readPortal);
await policies.refresh();
follow();
introduce();
