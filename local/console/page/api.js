// The service's API, through the console's own server, which signs; and the page's log.

const log = document.querySelector("#log");
const notice = document.querySelector("#notice");
const KEPT = 60;

/** One line for people, newest first. */
export function tell(text, kind = "") {
  const line = document.createElement("li");
  const when = document.createElement("time");
  when.textContent = new Date().toLocaleTimeString([], { hour12: false });
  const what = document.createElement("span");
  what.textContent = text;
  line.className = kind;
  line.append(when, what);
  log.prepend(line);
  while (log.children.length > KEPT) log.lastElementChild.remove();
}

/** What a press of a button has led to; screen readers say it. */
export function announce(text) {
  notice.textContent = "";
  requestAnimationFrame(() => { notice.textContent = text; });
  clearTimeout(announce.timer);
  announce.timer = setTimeout(() => { notice.textContent = ""; }, 6000);
}

/** An error answer. */
export class Refused extends Error {
  constructor(status, body) {
    super(body.error_description || `answered ${status}`);
    this.status = status;
    this.code = body.error;
  }
}

async function request(method, path, body, headers = {}) {
  const answer = await fetch(path, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (answer.ok) return answer;
  let told = {};
  try { told = await answer.json(); } catch { /* an answer without words */ }
  throw new Refused(answer.status, told);
}

/** A call to the account's API: `path` is what follows the account. */
export async function call(method, path, body, headers) {
  const quiet = method === "GET" || path.startsWith("/quiet-hours/preview");
  try {
    const answer = await request(method, `/api${path}`, body, headers);
    if (!quiet) tell(`${method} ${path} ${body ? JSON.stringify(body) : ""}`.trim() + ` answered ${answer.status}`, "call");
    return answer;
  } catch (error) {
    if (error instanceof Refused && !quiet) tell(`${method} ${path}: ${error.status} ${error.message}`, "trouble");
    throw error;
  }
}

/** The same, its answer read as JSON. */
export async function ask(method, path, body, headers) {
  return (await call(method, path, body, headers)).json();
}

/** What the console itself does: the portal's bells, and played time. */
export function act(path, body) {
  return request("POST", path, body);
}

/** Does something that a person has asked for, and says why it did not work. */
export async function attempt(work) {
  try {
    await work();
    return true;
  } catch (error) {
    announce(error instanceof Refused ? error.message : "The console cannot be reached.");
    return false;
  }
}
