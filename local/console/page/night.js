// Played time: the clock at the top, and the buttons that let the night pass.

import { act, announce, attempt, tell } from "./api.js";
import { moment } from "./times.js";
import { travel, zone } from "./policies.js";
import { lookAgain, lookAtHolds } from "./chats.js";

const get = (id) => document.querySelector(`#${id}`);
let played = { at: null, until: null, playing: false, trouble: null };
let began = null;

/** Shows how far time has been played. */
export function render(seen) {
  if (seen.playing && !played.playing) began = Date.parse(seen.at ?? new Date());
  const [moved, ended] = [seen.at !== played.at, played.playing && !seen.playing];
  played = seen;
  get("play").textContent = played.playing ? "Pause" : "Play the night";
  get("step").disabled = played.playing;
  get("back").disabled = played.playing || played.at === null;
  get("passed").hidden = !played.playing;
  if (played.playing && played.at) {
    get("passed").value = (Date.parse(played.at) - began) / (Date.parse(played.until) - began || 1);
  }
  document.body.classList.toggle("travelling", played.at !== null);
  if (moved) travel(played.at);
  if (played.trouble && ended) announce(played.trouble);
  else if (ended && played.at) {
    tell(`time was played to ${moment(played.at, zone())}`, "tick");
    announce(`It is ${moment(played.at, zone())} in played time.`);
    lookAtHolds();
    lookAgain();
  }
  tick();
}

function tick() {
  get("clock-label").textContent = played.at ? "Played time" : "It is now";
  const at = played.at ?? new Date().toISOString();
  get("clock").dateTime = at;
  get("clock").textContent = `${moment(at, zone())} · ${zone()}`;
}

setInterval(tick, 1000);
get("play").addEventListener("click", () => attempt(() => act("/night", { to: played.playing ? "pause" : "end" })));
get("step").addEventListener("click", () => attempt(() => act("/night", { to: "change" })));
get("back").addEventListener("click", () => attempt(async () => {
  await act("/night", { to: "now" });
  announce("It is now again, and chats are as they should be now.");
  tell("back to now", "tick");
}));
