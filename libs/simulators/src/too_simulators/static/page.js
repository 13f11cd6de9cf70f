"use strict";

const KINDS = ["refuse", "status", "too_many_requests", "html", "hang", "slow_body", "drop_reply",
  "lose_state", "clock_off", "provider_error", "callback_never", "callback_twice",
  "callback_out_of_order", "refuse_recipients", "greylist", "lost_after_data", "other_content",
  "filter_unavailable", "clouds", "exposure_fails", "partial_quadrants", "late_processing",
  "overflow", "never_loaded", "key_refused", "host_key_changed", "disk_full", "short_write",
  "lost_before_rename", "read_only", "silent"];
const POLL_MS = 1500;
const shown = new Map();
let clock = null;

/* An element with children; text is set as text, never as markup. */
function el(tag, options, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(options || {})) {
    if (key === "class") node.className = value;
    else if (key === "click") node.addEventListener("click", value);
    else if (value !== null && value !== false) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function button(text, act, kind) {
  return el("button", { type: "button", class: kind || "", click: act }, text);
}

function time(iso) {
  return iso ? iso.slice(0, 19).replace("T", " ") + " UTC" : "";
}

function mjd(value) {
  return time(new Date((value - 40587) * 86400000).toISOString());
}

function say(text) {
  document.getElementById("said").textContent = text;
}

async function send(method, path, body) {
  const answer = await fetch("/control" + path, {
    method,
    headers: { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) say("Refused: " + (content.detail || answer.status));
  await refresh();
  return answer.ok ? content : null;
}

/* ---------------------------------------------------------------- telephones */
function phone(one) {
  const path = "/telephones/" + encodeURIComponent(one.number);
  const act = (body) => () => send("POST", path, body);
  const call = one.call;
  const ringing = call !== null && call.status === "ringing";
  const card = el("article", { class: "card" + (ringing ? " ringing" : "") },
    el("h3", {}, one.label || one.shown_number,
      one.label ? el("span", { class: "muted" }, one.shown_number) : null,
      one.stopped ? el("span", { class: "state bad" }, "sent STOP") : null,
      call ? el("span", { class: "state " + (ringing ? "bad" : "good") }, call.status) : null));
  if (ringing) {
    card.append(el("div", { class: "row" }, button("Answer", act({ do: "answer" }), "strong"),
      button("Push away", act({ do: "hang_up" }), "bad")));
  } else if (call) {
    const keys = el("div", { class: "keys" });
    for (const key of "1234567890*#") keys.append(button(key, act({ do: "press", digits: key }),
      key === "1" || key === "9" ? "strong" : ""));
    card.append(el("p", {}, call.heard.slice(-3).join(" ") || "(silence)"), keys,
      el("div", { class: "row" }, button("Hang up", act({ do: "hang_up" }), "bad")));
  }
  const list = el("ul", { class: "plain" });
  for (const message of one.messages.slice().reverse()) {
    const inbound = message.direction === "inbound";
    list.append(el("li", {}, (inbound ? "\u2192 " : "") + message.body + " ",
      el("span", { class: "muted" }, message.status + ", " + time(message.created_at))));
  }
  for (const past of one.calls.slice().reverse()) {
    list.append(el("li", { class: "muted" }, "Call " + past.status +
      (past.pressed.length ? ", pressed " + past.pressed.join("") : "") + ", " + time(past.created_at)));
  }
  const text = el("input", { "aria-label": "Reply of " + one.shown_number, placeholder: "ACK 1234" });
  const reply = el("form", { class: "row" }, text, el("button", {}, "Send SMS"));
  reply.addEventListener("submit", (event) => {
    event.preventDefault();
    const body = text.value;
    text.value = "";
    if (body) send("POST", path, { do: "text", body });
  });
  card.append(list, reply);
  return card;
}

/* ---------------------------------------------------------------- Slack, mail, circulars */
function slackMessage(one) {
  const card = el("article", { class: "card" },
    el("p", {}, one.text || "(blocks)"),
    el("span", { class: "muted" }, time(one.posted_at) + (one.edited_at ? ", edited" : "") +
      (one.thread_ts ? ", in a thread" : "")));
  const row = el("div", { class: "row" });
  for (const press of one.buttons) {
    row.append(button((press.text && press.text.text) || press.action_id, async () => {
      const answer = await send("POST", "/slack/press",
        { channel: one.channel, ts: one.ts, action_id: press.action_id });
      if (answer && !answer.ok) say("The marshal did not take it: " + (answer.error || answer.status));
    }, press.style === "danger" ? "bad" : "strong"));
  }
  if (one.buttons.length) card.append(row);
  return card;
}

function mail(one) {
  return el("details", { class: "card" },
    el("summary", {}, one.subject + " ", el("span", { class: "muted" },
      "to " + one.rcpt_to.join(", ") + ", " + time(one.received_at))),
    el("pre", {}, one.text));
}

function circular(one) {
  return el("article", { class: "card" },
    el("a", { href: "/gcn/circulars/" + one.circular_id }, one.circular_id + ": " + one.subject),
    el("span", { class: "muted" }, " " + time(one.created_at)));
}

/* ---------------------------------------------------------------- telescopes */
function bar(taken, planned) {
  return el("div", {}, el("progress", { max: Math.max(planned, 1), value: taken, "aria-label": "exposures taken" }),
    el("span", { class: "muted" }, taken + " of " + planned + " exposures"));
}

function taking(one) {
  return one ? el("p", {}, "Exposing: " + (one.field_id === null ? "" : "field " + one.field_id + ", ") +
    (typeof one.filter_id === "number" ? "?gri"[one.filter_id] : one.filter) + ", " + one.exposure_s + " s") : null;
}

function night(is) {
  return el("span", { class: "state" + (is ? " good" : "") }, is ? "night" : "day");
}

function ztf(one) {
  const card = el("article", { class: "card" },
    el("h3", {}, "ZTF", night(one.night), el("span", { class: "muted" }, "runs " + one.current)), taking(one.taking));
  for (const queue of one.queues) {
    const window = queue.validity_window_mjd;
    card.append(el("div", { class: "inner" }, el("strong", {}, queue.queue_name),
      bar(queue.taken, queue.planned),
      el("p", { class: "muted" }, window ? mjd(window[0]) + " to " + mjd(window[1]) : "no window: now, without end"),
      button("A person deletes it", () => send("POST", "/ztf/delete-queue", { queue_name: queue.queue_name }), "bad")));
  }
  if (!one.queues.length) card.append(el("p", { class: "muted" }, "No queue of ours; " + one.exposures.length + " exposures taken lately."));
  card.append(el("div", { class: "row" },
    button("Restart the scheduler", () => send("POST", "/ztf/restart", {}), "bad"),
    button(one.older_server ? "Be the newer server" : "Be the older server",
      () => send("POST", "/ztf/older-server", { on: !one.older_server }))));
  return card;
}

function telescope(one) {
  const card = el("article", { class: "card" }, el("h3", {}, one.name, night(one.night)), taking(one.taking));
  for (const file of one.delivered) {
    card.append(el("div", { class: "inner" }, el("strong", {}, file.file),
      el("p", { class: "muted" }, file.take_at ? "will be taken at " + time(file.take_at) : "nobody loads it"),
      button("Load it now", () => send("POST", "/telescopes/" + encodeURIComponent(one.name) + "/load", { file: file.file }), "strong")));
  }
  for (const run of one.runs.slice().reverse()) {
    card.append(el("div", { class: "inner" }, el("strong", {}, run.name + " "),
      el("span", { class: "state" + (run.state === "done" ? " good" : "") }, run.state), bar(run.taken, run.planned)));
  }
  if (!one.delivered.length && !one.runs.length) card.append(el("p", { class: "muted" }, "No file was delivered."));
  return card;
}

function fault(one) {
  return el("article", { class: "card row" }, el("strong", {}, one.kind), el("code", {}, one.route),
    el("span", { class: "muted" }, (one.times ? one.hits + " of " + one.times + " times" : one.hits + " times so far") +
      (one.until ? ", until " + time(one.until) : "")),
    button("Switch off", () => send("DELETE", "/faults/" + one.id), "bad"));
}

/* ---------------------------------------------------------------- drawing */
const DRAW = {
  telephones: (all) => all.map(phone),
  slack: (all) => all.slice().reverse().map(slackMessage),
  mail: (all) => all.slice().reverse().map(mail),
  circulars: (all) => all.slice().reverse().map(circular),
  ztf: (one) => [ztf(one)],
  telescopes: (all) => all.map(telescope),
  faults: (all) => all.map(fault),
};

function draw(overview) {
  for (const [part, make] of Object.entries(DRAW)) {
    const text = JSON.stringify(overview[part]);
    const place = document.querySelector('[data-part="' + part + '"]');
    if (shown.get(part) === text) continue;
    shown.set(part, text);
    const open = new Set([...place.querySelectorAll("details[open] summary")].map((one) => one.textContent));
    const typed = new Map([...place.querySelectorAll("input")].map((one) => [one.ariaLabel, one.value]));
    const active = place.contains(document.activeElement) ? document.activeElement.ariaLabel : null;
    const nodes = make(overview[part]);
    place.replaceChildren(...(nodes.length ? nodes : [el("p", { class: "muted" }, "Nothing yet.")]));
    for (const one of place.querySelectorAll("summary")) if (open.has(one.textContent)) one.parentNode.open = true;
    for (const one of place.querySelectorAll("input")) {
      one.value = typed.get(one.ariaLabel) || "";
      if (one.ariaLabel === active) one.focus();
    }
  }
}

function tick() {
  if (!clock) return;
  const at = clock.stack + (Date.now() - clock.read) * clock.speed;
  document.getElementById("clock").textContent = time(new Date(at).toISOString());
}

async function refresh() {
  try {
    const answer = await fetch("/control/overview");
    const overview = await answer.json();
    clock = { stack: Date.parse(overview.clock.stack_time), speed: overview.clock.speed, read: Date.now() };
    document.getElementById("speed").textContent = "\u00d7 " + overview.clock.speed;
    const speeds = document.getElementById("speeds");
    if (document.activeElement !== speeds) speeds.value = String(overview.clock.speed);
    draw(overview);
    tick();
  } catch {
    say("The simulators do not answer.");
  }
}

document.addEventListener("DOMContentLoaded", () => {
  for (const one of document.querySelectorAll("[data-clock]")) {
    one.addEventListener("click", () => send("POST", "/clock", JSON.parse(one.dataset.clock)));
  }
  document.getElementById("next-window").addEventListener("click", async () => {
    const moved = await send("POST", "/clock/next-window", {});
    if (moved) say("It is now " + time(moved.stack_time) + ": " + moved.why + ".");
  });
  document.getElementById("speeds").addEventListener("change", (event) =>
    send("POST", "/clock", { speed: Number(event.target.value) }));
  const kinds = document.getElementById("kinds");
  for (const kind of KINDS) kinds.append(el("option", {}, kind));
  document.getElementById("fault").addEventListener("submit", (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const body = { route: form.get("route"), kind: form.get("kind") };
    if (form.get("times")) body.times = Number(form.get("times"));
    send("POST", "/faults", body);
  });
  refresh();
  setInterval(refresh, POLL_MS);
  setInterval(tick, 250);
});
