// The simulator's chat page. Everything that people wrote is put in by textContent, never as HTML.

const $ = (id) => document.getElementById(id);
const LOG_ROWS = 300;
const TYPING_MS = 3000;
const FAULTS = {
  duplicate: "Deliver an event twice",
  reorder: "Deliver an event after the next",
  delay: "Deliver an event late",
  delay_s: "… by seconds",
  drop: "Never deliver an event",
  wrong_signature: "Sign an event wrongly",
  rate_limited: "Answer 429",
  reset_s: "… opens after seconds",
  server_error: "Answer 500, do nothing",
  unavailable: "Answer 503, do nothing",
  outage: "Hang up, do nothing",
  lost_answer: "Do it, then hang up",
  no_credits: "Answer 402",
  path: "Only paths that begin with",
};
const PLACEHOLDERS = {
  dm: "Write a message…",
  mention: "Post something that mentions the bot…",
  reply: "Answer the bot's newest post…",
  quote: "Quote the bot's newest post…",
};

const state = { bot: null, users: new Map(), followers: new Set(), webhooks: [], current: "", rows: new Map(), unseen: 0 };
let typingTimer = 0;
let noticeTimer = 0;

// -- small helpers -------------------------------------------------------------------------------------------

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") node.textContent = value;
    else if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

async function call(method, path, body) {
  const options = { method, headers: {} };
  if (body !== undefined) {
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const response = await fetch(path, options);
  const answer = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Error(answer && answer.error ? answer.error : `status ${response.status}`);
  return answer;
}

function complain(error) {
  const network = error instanceof TypeError;
  $("notice").textContent = network ? "The simulator does not answer. Is it still running?" : `That did not work: ${error.message}`;
  $("notice").hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { $("notice").hidden = true; }, 6000);
}

const clock = (at) => new Date(at * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = (at) => new Date(at * 1000).toLocaleString([], { weekday: "short", hour: "2-digit", minute: "2-digit" });
function took(seconds) {
  if (seconds < 0.001) return "<1 ms";
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
}
const nameOf = (id) => (state.bot && id === state.bot.id ? state.bot.name : (state.users.get(id) || { name: id }).name);

function hue(text) {
  let sum = 7;
  for (const letter of text) sum = (sum * 31 + letter.codePointAt(0)) % 360;
  return sum;
}

function paint(face, user) {
  face.textContent = [...(user.name || user.username)][0].toUpperCase();
  face.style.setProperty("--hue", hue(user.username));
}

// -- people --------------------------------------------------------------------------------------------------

function drawPeople() {
  const rows = [...state.users.values()].map((user) => {
    const face = make("span", { class: "face", "aria-hidden": "true" });
    paint(face, user);
    const names = make("span", { class: "names" }, make("b", { text: user.name }), make("span", { text: `@${user.username}` }));
    const chosen = user.id === state.current;
    return make("li", {}, make("button", { type: "button", "aria-current": chosen ? "true" : null, onclick: () => choose(user.id, true) }, face, names));
  });
  $("people").replaceChildren(...rows);
}

async function choose(id, byHand) {
  state.current = id;
  const user = state.users.get(id);
  location.replace(`#${user.username}`);
  paint($("chat-face"), user);
  $("chat-title").textContent = user.name;
  $("chat-sub").textContent = `@${user.username} writes to @${state.bot.username}`;
  $("typing").hidden = true;
  drawPeople();
  drawFollow();
  if (byHand) {
    show("chat");
    $("text").focus();
  }
  try {
    const found = await call("GET", `/_sim/conversation?user=${encodeURIComponent(id)}`);
    if (state.current !== id) return;
    const all = [...found.messages.map((m) => [m.at, bubble(m)]), ...found.posts.map((p) => [p.at, postCard(p)])];
    all.sort((one, other) => one[0] - other[0]);
    $("stream").replaceChildren(...all.map((one) => one[1]));
    if (!all.length) drawEmpty();
    bottom();
  } catch (error) { complain(error); }
}

function drawFollow() {
  const following = state.followers.has(state.current);
  $("follow").textContent = following ? "Unfollow" : "Follow";
  $("follow").dataset.act = following ? "unfollow" : "follow";
}

// -- the conversation ----------------------------------------------------------------------------------------

function drawEmpty() {
  const user = state.users.get(state.current);
  const box = make("p", { class: "empty" });
  if (!state.webhooks.length) {
    box.append(make("b", { text: "No bot is connected" }), "Start one in a terminal with ", make("code", { text: "botkit run bot.yaml" }), ". It registers itself here, and this page notices.");
  } else {
    box.append(make("b", { text: "Say hello" }), `Write to @${state.bot.username} as ${user ? user.name : "somebody"}. Answers appear here.`);
  }
  $("stream").replaceChildren(box);
}

function bottom() {
  const stream = $("stream");
  stream.scrollTop = stream.scrollHeight;
}

function put(node) {
  const stream = $("stream");
  const first = stream.querySelector(".empty");
  if (first) first.remove();
  stream.append(node);
  bottom();
}

function bubble(message) {
  const mine = message.from !== state.bot.id;
  const body = make("div", { class: "body", text: message.text });
  if (message.media) body.append(make("div", { class: "media", text: `📎 ${message.media}` }));
  const by = mine || message.by_app ? "" : " · typed by the owner";
  const node = make("div", { class: `bubble ${mine ? "person" : "bot"}`, "data-id": message.id }, body);
  const choices = make("div", { class: "choices" });
  for (const option of message.options) {
    const button = make("button", { type: "button", onclick: () => tap(option, choices) }, make("span", { text: option.label }));
    if (option.description) button.append(make("small", { text: option.description }));
    choices.append(button);
  }
  for (const cta of message.ctas) {
    const safe = /^https?:/i.test(cta.url);
    choices.append(make("a", { text: cta.label, href: safe ? cta.url : "#", target: "_blank", rel: "noreferrer noopener" }));
  }
  if (choices.childElementCount) node.append(choices);
  node.append(make("span", { class: "meta", text: clock(message.at) + by }));
  return node;
}

function postCard(post) {
  const bot = post.from === state.bot.id;
  let kind = "posted";
  if (post.reposted) kind = "reposted";
  else if (post.quoted) kind = "quoted a post";
  else if (post.in_reply_to) kind = "replied";
  const body = make("div", { class: "body" }, make("span", { class: "kind", text: `${nameOf(post.from)} ${kind}` }), make("span", { text: post.text }));
  return make("div", { class: `bubble post ${bot ? "bot" : "person"}`, "data-post": post.post_id }, body, make("span", { class: "meta", text: clock(post.at) }));
}

async function tap(option, choices) {
  const body = { from: state.current, text: option.label, quick_reply: option.metadata || "" };
  try {
    await call("POST", "/_sim/dm", body);
    for (const button of choices.querySelectorAll("button")) button.disabled = true;
  } catch (error) { complain(error); }
}

function fact(text, tone = "") {
  put(make("p", { class: `fact ${tone}`, text }));
}

// What went wrong on the way is told where the answer is missed, not only in the log.
const told = new Set();
function explain(entry) {
  if ((entry.faults && entry.faults.length) || entry.lost || entry.status === 0 || entry.status >= 400) {
    // a fault may just have been used up
    call("GET", "/_sim/faults").then(drawFaultCount).catch(complain);
  }
  if (told.has(entry.n)) return;
  const lost = entry.kind === "delivery" && /^(lost|dropped|not sent|broken)/.test(entry.state);
  const writes = entry.kind === "request" && entry.method === "POST" && /\/(messages|tweets|events\/new\.json)$/.test(entry.path);
  if (lost) fact(`The bot was not told: ${entry.event} ${entry.state}`, "bad");
  else if (writes && (entry.status === 0 || entry.status >= 400)) fact(`The bot's ${entry.method} ${entry.path} was refused: ${entry.status || "hung up"} ${reason(entry.answer)}`, "bad");
  else return;
  told.add(entry.n);
}

function reason(answer) {
  if (!answer || typeof answer === "string") return answer || "";
  return answer.errors && answer.errors.length ? answer.errors[0].message : answer.detail || answer.title || "";
}

function concerns(post) {
  if (post.from === state.current) return true;
  if (post.from !== state.bot.id) return false;
  return [post.in_reply_to, post.quoted, post.reposted].some((id) => id && document.querySelector(`[data-post="${CSS.escape(id)}"]`)) || !post.in_reply_to;
}

// -- the event log -------------------------------------------------------------------------------------------

function chip(entry) {
  if (entry.kind === "request") {
    if (entry.lost) return ["lost answer", "bad"];
    if (!entry.status) return ["hung up", "bad"];
    return [String(entry.status), entry.status < 400 ? "good" : "bad"];
  }
  if (entry.state === "delivered") return [`${entry.status} · ${took(entry.latency_s)}`, "good"];
  if (entry.state === "waiting") return ["…", ""];
  if (entry.state.startsWith("failed")) return [entry.status ? String(entry.status) : "no answer", "warn"];
  return [entry.state.split(":")[0], "bad"];
}

function pretty(value) {
  if (typeof value !== "string") return JSON.stringify(value, null, 2);
  try { return JSON.stringify(JSON.parse(value), null, 2); } catch { return value; }
}

function smallPrint(entry) {
  const parts = [clock(entry.at)];
  if (entry.kind === "request") return parts.concat(entry.as ? [{ app: "app-only", oauth1: "OAuth 1.0a", oauth2: "OAuth 2.0" }[entry.as]] : []).join(" · ");
  if (entry.attempts.length > 1) parts.push(`${entry.attempts.length} attempts`);
  if (entry.faults.length) parts.push(entry.faults.join(", "));
  if (entry.reply_latency_s !== null) parts.push(`answered after ${took(entry.reply_latency_s)}`);
  return parts.join(" · ");
}

function fill(details, entry) {
  const outgoing = entry.kind === "delivery";
  const [text, tone] = chip(entry);
  const summary = make("summary", {},
    make("span", { class: "way", text: outgoing ? "→" : "←", title: outgoing ? "X to the bot" : "the bot to X" }),
    make("span", { class: "name", text: outgoing ? entry.event : `${entry.method} ${entry.path}` }),
    make("span", { class: `chip ${tone}`, text }),
    make("span", { class: "small", text: smallPrint(entry) }));
  details.replaceChildren(summary);
  details.dataset.kind = entry.kind;
  if (details.open) unfold(details, entry);
}

function unfold(details, entry) {
  for (const old of details.querySelectorAll(":scope > :not(summary)")) old.remove();
  if (entry.kind === "delivery") {
    const tries = entry.attempts.map((one) => `${clock(one.at)} ${one.status || one.failure} ${took(one.latency_s)}`).join(" · ");
    details.append(make("div", { class: "detail", text: `${entry.state} · ${entry.url}${tries ? ` · ${tries}` : ""}` }), make("pre", { tabindex: "0", text: pretty(entry.raw) }));
    return;
  }
  const query = Object.keys(entry.query).length ? { query: entry.query } : {};
  const body = entry.body && Object.keys(entry.body).length ? { body: entry.body } : {};
  details.append(make("pre", { tabindex: "0", text: pretty({ ...query, ...body, answer: entry.answer }) }));
}

function log(entry) {
  let row = state.rows.get(entry.n);
  if (row) {
    row.entry = entry;
    fill(row.details, entry);
    return;
  }
  const details = make("details");
  row = { details, entry };
  details.addEventListener("toggle", () => { if (details.open) unfold(details, row.entry); });
  fill(details, entry);
  state.rows.set(entry.n, row);
  $("log").prepend(make("li", { "data-kind": entry.kind }, details));
  if (state.rows.size > LOG_ROWS) {
    const [oldest, gone] = state.rows.entries().next().value;
    gone.details.parentElement.remove();
    state.rows.delete(oldest);
  }
  $("log-empty").hidden = true;
  if (document.body.dataset.view !== "events") {
    state.unseen += 1;
    $("unseen").textContent = state.unseen > 99 ? "99+" : state.unseen;
    $("unseen").hidden = false;
  }
}

// -- state and live events -----------------------------------------------------------------------------------

function drawStatus(connected) {
  const hook = state.webhooks[0];
  let tone = "bad";
  let text = "The simulator does not answer";
  if (connected && !hook) [tone, text] = ["warn", "No bot is connected"];
  else if (connected && !hook.valid) [tone, text] = ["bad", "The bot's webhook is invalid: it failed a challenge"];
  else if (connected) [tone, text] = ["good", `@${state.bot.username} is connected at ${hook.url}`];
  $("dot").className = `dot ${tone}`;
  $("status-text").textContent = text;
}

function drawFaultCount(faults) {
  const on = Object.entries(faults).filter(([name, value]) => !["delay_s", "reset_s", "path"].includes(name) && value).length;
  $("fault-count").textContent = on;
  $("fault-count").hidden = !on;
}

async function sync() {
  const found = await call("GET", "/_sim/state");
  const hadNone = !state.webhooks.length;
  Object.assign(state, { bot: found.bot, webhooks: found.webhooks, followers: new Set(found.followers) });
  state.users = new Map(found.users.map((user) => [user.id, user]));
  drawStatus(true);
  drawFaultCount(found.faults);
  const wanted = found.users.find((user) => `#${user.username}` === location.hash);
  if (!state.users.has(state.current)) state.current = "";
  if (!state.current && found.users.length) await choose((wanted || found.users[0]).id, false);
  else {
    drawPeople();
    drawFollow();
    if (hadNone && $("stream").querySelector(".empty")) drawEmpty();
  }
  return found;
}

function listen() {
  const source = new EventSource("/_sim/events");
  const on = (kind, act) => source.addEventListener(kind, (event) => act(JSON.parse(event.data)));
  on("hello", async () => {
    try {
      await sync();
      const found = await call("GET", "/_sim/log?after=0");
      for (const entry of found.entries.sort((one, other) => one.n - other.n)) if (entry.n > cleared) log(entry);
    } catch (error) { complain(error); }
  });
  on("user", (user) => { state.users.set(user.id, user); drawPeople(); });
  on("message", (message) => {
    const pair = [message.from, message.to];
    if (!pair.includes(state.current) || !pair.includes(state.bot.id)) return;
    if (document.querySelector(`[data-id="${CSS.escape(message.id)}"]`)) return;
    if (message.from === state.bot.id) $("typing").hidden = true;
    put(bubble(message));
    if (message.from !== state.bot.id && !state.webhooks.length) fact("Nobody was told: no bot is connected", "bad");
  });
  on("typing", (typing) => {
    if (typing.from !== state.bot.id || typing.to !== state.current) return;
    $("typing-text").textContent = `${state.bot.name} is typing`;
    $("typing").hidden = false;
    clearTimeout(typingTimer);
    typingTimer = setTimeout(() => { $("typing").hidden = true; }, TYPING_MS);
  });
  on("read", (read) => { if (read.from === state.bot.id && read.to === state.current) fact(`${state.bot.name} has read this`); });
  on("post", (post) => { if (concerns(post)) put(postCard(post)); });
  on("like", (like) => { if (like.from === state.current) fact(`${nameOf(like.from)} liked the bot's post`); else if (like.from === state.bot.id) fact(`${state.bot.name} liked a post`); });
  on("relation", (relation) => {
    const verbs = { follow: "followed", unfollow: "unfollowed", block: "blocked", unblock: "unblocked", mute: "muted", unmute: "unmuted" };
    if (relation.to === state.bot.id && relation.kind === "follow") state.followers.add(relation.from);
    if (relation.to === state.bot.id && relation.kind === "unfollow") state.followers.delete(relation.from);
    if ([relation.from, relation.to].includes(state.current)) fact(`${nameOf(relation.from)} ${verbs[relation.kind]} ${nameOf(relation.to)}`);
    drawFollow();
  });
  on("faults", drawFaultCount);
  on("delivery", (entry) => { log(entry); explain(entry); });
  on("request", (entry) => { log(entry); explain(entry); if (/^\/2\/(webhooks|activity|account_activity)/.test(entry.path)) sync().catch(complain); });
  source.addEventListener("error", () => drawStatus(false));
}

// -- what the person at the page does ------------------------------------------------------------------------

function show(view) {
  document.body.dataset.view = view;
  for (const tab of document.querySelectorAll(".tabs button")) tab.setAttribute("aria-current", String(tab.dataset.view === view));
  if (view === "events") { state.unseen = 0; $("unseen").hidden = true; }
}

$("compose").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  const mode = new FormData($("compose")).get("mode");
  if (!text || !state.current) return;
  try {
    await call("POST", `/_sim/${mode}`, { from: state.current, text });
    $("text").value = "";
    $("notice").hidden = true;
  } catch (error) { complain(error); }
  $("text").focus();
});

$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("compose").requestSubmit();
  }
});

$("compose").addEventListener("change", () => {
  $("text").placeholder = PLACEHOLDERS[new FormData($("compose")).get("mode")];
});

document.querySelector(".acts").addEventListener("click", async (event) => {
  const act = event.target.dataset.act;
  if (!act || !state.current) return;
  try { await call("POST", `/_sim/${act}`, { from: state.current }); } catch (error) { complain(error); }
});

$("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const user = await call("POST", "/_sim/users", { username: $("add-name").value.trim() });
    state.users.set(user.id, user);
    $("add-name").value = "";
    await choose(user.id, true);
  } catch (error) { complain(error); }
});

let cleared = 0;
$("clear").addEventListener("click", () => {
  cleared = Math.max(0, ...state.rows.keys());
  state.rows.clear();
  $("log").replaceChildren();
  $("log-empty").hidden = false;
});

document.querySelector(".filters").addEventListener("click", (event) => {
  const chosen = event.target.dataset.filter;
  if (!chosen) return;
  document.body.dataset.filter = chosen;
  for (const button of event.currentTarget.children) button.setAttribute("aria-pressed", String(button === event.target));
});

document.querySelector(".tabs").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) show(button.dataset.view);
});

// -- faults and limits ---------------------------------------------------------------------------------------

let enforced = true;
$("open-faults").addEventListener("click", async () => {
  try {
    const found = await sync();
    $("fault-fields").replaceChildren(...Object.entries(FAULTS).map(([name, label]) => {
      const text = name === "path";
      const input = make("input", { name, class: text ? "wide" : "", type: text ? "text" : "number", min: name.endsWith("_s") ? 0 : -1, step: name.endsWith("_s") ? "any" : 1, placeholder: text ? "/2/tweets" : null });
      input.value = found.faults[name];
      return make("label", {}, make("span", { text: label }), input);
    }));
    enforced = $("enforce").checked = found.limits.enforced;
    $("limit-scale").textContent = found.limits.scale === "x" ? "(X's numbers)" : "(100 times X's numbers)";
    const windows = found.limits.windows.map((one) => make("li", {}, make("span", { text: `${one.window} (${one.period_s === 86400 ? "24 h" : "15 min"})` }), make("span", { text: `${one.remaining} of ${one.limit} left until ${one.period_s === 86400 ? day(one.reset_at) : clock(one.reset_at)}` })));
    $("windows").replaceChildren(...(windows.length ? windows : [make("li", { text: "No window is open: the bot has not called X yet." })]));
    $("faults").showModal();
  } catch (error) { complain(error); }
});

$("faults-cancel").addEventListener("click", () => $("faults").close());
$("faults-clear").addEventListener("click", async () => {
  try { await call("DELETE", "/_sim/faults"); } catch (error) { complain(error); }
  $("faults").close();
});
$("faults-form").addEventListener("submit", async () => {
  const wanted = {};
  for (const [name, value] of new FormData($("faults-form"))) wanted[name] = name === "path" ? value : Number(value);
  try {
    await call("PUT", "/_sim/faults", wanted);
    if ($("enforce").checked !== enforced) await call("PUT", "/_sim/limits", { enforced: $("enforce").checked });
  } catch (error) { complain(error); }
});

show("chat");
listen();
