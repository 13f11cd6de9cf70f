// The pages' behaviour. Every act goes through the public API, as JSON, with the CSRF token:
//   <form data-api="POST /api/...">      fields become the JSON body (data-as: number, list, ...)
//   <button data-dialog="/fragments/...">  opens the dialog with that fragment
//   data-file-to="/api/.../{id}"          the form's file, sent after the fields made something
//   data-then="refresh | close | goto:/path/{id} | reset"   what happens after success
(() => {
  "use strict";
  const csrf = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";
  const byId = (id) => document.getElementById(id);

  function toast(text, bad = false) {
    const box = document.createElement("div");
    box.className = bad ? "toast bad" : "toast";
    box.setAttribute("role", bad ? "alert" : "status");
    box.textContent = text;
    byId("toasts").append(box);
    setTimeout(() => box.remove(), bad ? 12000 : 4500);
  }

  function refresh() { document.body.dispatchEvent(new CustomEvent("changed")); }

  // --- forms to JSON -----------------------------------------------------------------------
  function valueOf(field) {
    const kind = field.dataset.as;
    if (field.type === "checkbox") {
      if (kind === "member") return field.checked ? field.value : undefined;
      return field.checked;
    }
    if (field.type === "radio" && !field.checked) return undefined;
    const text = field.value.trim();
    if (text === "") return field.dataset.empty === "keep" ? "" : undefined;
    if (kind === "number") return Number(text);
    if (kind === "percent") return Number(text) / 100;
    if (kind === "minutes") return Number(text) * 60;
    if (kind === "list") return text.split(/[\s,;]+/).filter(Boolean);
    if (kind === "numbers") return text.split(/[\s,;]+/).filter(Boolean).map(Number);
    if (kind === "utc") return `${text.replace(" ", "T")}${text.length === 16 ? ":00" : ""}Z`;
    if (kind === "json") return JSON.parse(text);
    if (kind === "corners") {
      return text.split("\n").filter((line) => line.trim()).map((line, n) => {
        const corner = line.trim().split(/[\s,;]+/).map(Number);
        if (corner.length !== 2 || corner.some(Number.isNaN)) throw new Error(`Line ${n + 1} is not "RA Dec" in degrees: ${line}`);
        return corner;
      });
    }
    return field.value;
  }

  function bodyOf(form) {
    const body = {};
    for (const field of form.elements) {
      if (!field.name || field.disabled || field.type === "file") continue;
      const value = valueOf(field);
      if (value === undefined) continue;
      const path = field.name.split(".");
      let target = body;
      for (const part of path.slice(0, -1)) target = target[part] ??= {};
      const last = path.at(-1);
      if (field.dataset.as === "member") (target[last] ??= []).push(value);
      else target[last] = value;
    }
    return body;
  }

  async function problem(answer) {
    try {
      const doc = await answer.json();
      const detail = doc.detail ?? doc.title;
      if (Array.isArray(detail)) {
        return detail.map((d) => `${(d.loc ?? []).slice(1).join(".")}: ${d.msg}`).join("; ");
      }
      return detail ? String(detail) : `The server answered ${answer.status}`;
    } catch {
      return `The server answered ${answer.status}`;
    }
  }

  async function call(method, url, body, extra = {}) {
    const headers = { Accept: "application/json", "X-CSRF-Token": csrf(), ...extra };
    let payload = body;
    if (body !== undefined && !(body instanceof Blob)) {
      headers["Content-Type"] = "application/json";
      payload = JSON.stringify(body);
    }
    const answer = await fetch(url, { method, headers, body: payload, credentials: "same-origin" });
    if (answer.status === 401) { location.assign(`/login?next=${encodeURIComponent(location.pathname)}`); }
    if (!answer.ok) throw new Error(await problem(answer));
    if (answer.status === 204) return null;
    return (answer.headers.get("content-type") ?? "").includes("json") ? answer.json() : answer.text();
  }

  function finish(form, result) {
    for (const step of (form.dataset.then ?? "refresh").split(" ")) {
      if (step === "refresh") refresh();
      else if (step === "reload") location.reload();
      else if (step === "close") form.closest("dialog")?.close();
      else if (step === "reset") form.reset();
      else if (step.startsWith("goto:")) {
        location.assign(step.slice(5).replace(/\{(\w+)\}/g, (_, key) => result?.[key] ?? ""));
      } else if (step.startsWith("show:")) {
        const target = byId(step.slice(5));
        if (target) { target.textContent = shown(result); target.hidden = false; target.focus(); }
      }
    }
  }

  function shown(result) {
    if (result?.token) return result.token;
    if (result?.rejected) {
      const rows = result.rejected.map((r) => `row ${r.row}: ${r.detail}`);
      return [`${result.accepted.length} taken, ${rows.length} refused`, ...rows].join("\n");
    }
    return typeof result === "string" ? result : JSON.stringify(result, null, 2);
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.dataset.api) return;
    event.preventDefault();
    if (form.dataset.confirm && !confirm(form.dataset.confirm)) return;
    const button = event.submitter ?? form.querySelector("button");
    const [method, template] = form.dataset.api.split(" ");
    try {
      button?.setAttribute("aria-busy", "true");
      if (button) button.disabled = true;
      let body = bodyOf(form);
      if (event.submitter?.name) body[event.submitter.name] = JSON.parse(event.submitter.value);
      let extra = {};
      const file = form.querySelector('input[type="file"]');
      const url = template.replace(/\{(\w+)\}/g, (_, key) => {
        const value = body[key] ?? "";
        delete body[key];
        return encodeURIComponent(value);
      });
      if (form.dataset.document) body = body.document;
      if (file && !file.files[0]) throw new Error("Choose a file first");
      const asFile = (one) => ({ "Content-Type": "application/octet-stream", "X-File-Name": encodeURIComponent(one.name) });
      const later = form.dataset.fileTo;
      if (file && !later) {
        extra = asFile(file.files[0]);
        body = file.files[0];
      }
      const result = await call(method, url, body, extra);
      if (file && later) {
        // the fields made something; its file goes where that is
        const target = later.replace(/\{(\w+)\}/g, (_, key) => encodeURIComponent(result?.[key] ?? ""));
        await call("POST", target, file.files[0], asFile(file.files[0]));
      }
      if (form.dataset.done !== "") toast(form.dataset.done ?? "Done");
      finish(form, result);
    } catch (error) {
      toast(error.message, true);
    } finally {
      button?.removeAttribute("aria-busy");
      if (button) button.disabled = false;
    }
  });

  // --- dialog, night, selection ------------------------------------------------------------
  document.addEventListener("click", async (event) => {
    const opener = event.target.closest("[data-dialog]");
    if (opener) {
      event.preventDefault();
      const dialog = byId("dialog");
      dialog.replaceChildren(Object.assign(document.createElement("div"), { className: "dlg", textContent: "Loading ..." }));
      dialog.showModal();
      try {
        const answer = await fetch(opener.dataset.dialog, { headers: { "HX-Request": "true" } });
        if (!answer.ok) throw new Error(await problem(answer));
        dialog.innerHTML = await answer.text();
        window.htmx?.process(dialog);
        dialog.querySelector("[autofocus]")?.focus();
      } catch (error) {
        dialog.close();
        toast(error.message, true);
      }
      return;
    }
    if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
    if (event.target.closest("#night")) {
      const on = document.documentElement.classList.toggle("night");
      try { on ? localStorage.setItem("too-theme", "night") : localStorage.removeItem("too-theme"); } catch { /* kept for this page */ }
      nightButton();
    }
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      await navigator.clipboard?.writeText(byId(copy.dataset.copy)?.textContent ?? "");
      toast("Copied");
    }
  });
  function nightButton() {
    byId("night")?.setAttribute("aria-pressed", String(document.documentElement.classList.contains("night")));
  }

  // a row that draws its plan on the globe, by mouse or keyboard
  function pick(row) {
    for (const other of document.querySelectorAll("tr.pick")) other.removeAttribute("aria-selected");
    row.setAttribute("aria-selected", "true");
    document.dispatchEvent(new CustomEvent("globe:tiles", { detail: { url: row.dataset.tiles, name: row.dataset.name } }));
  }
  document.addEventListener("click", (event) => {
    const row = event.target.closest("tr.pick");
    if (row && !event.target.closest("a, button, form")) pick(row);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-covered]");
    if (!button) return;
    document.dispatchEvent(new CustomEvent("globe:tiles", { detail: { url: button.dataset.covered } }));
    document.getElementById("map")?.scrollIntoView({ behavior: "smooth", block: "nearest" });
  });
  document.addEventListener("keydown", (event) => {
    const row = event.target.closest?.("tr.pick");
    if (row && (event.key === "Enter" || event.key === " ") && event.target === row) {
      event.preventDefault();
      pick(row);
    }
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-auto]");
    if (form) form.requestSubmit();
    if (event.target.matches("select[data-submit]")) event.target.form.submit();
  });

  // --- live updates ------------------------------------------------------------------------
  function listen() {
    const source = document.body.dataset.live;
    if (!source || !window.EventSource) return;
    let timer = null;
    const stream = new EventSource(source);
    stream.addEventListener("changed", () => {
      timer ??= setTimeout(() => { timer = null; refresh(); }, 400);
    });
    window.addEventListener("pagehide", () => stream.close());
  }

  // --- times: age in words, three clocks in the title --------------------------------------
  const SITE = { timeZoneName: "short", hour: "2-digit", minute: "2-digit", day: "2-digit", month: "short", hourCycle: "h23" };
  let offset = 0, speed = 1, loaded = performance.now();
  const stackNow = () => Date.now() + offset + (performance.now() - loaded) * (speed - 1);
  function age(seconds) {
    const s = Math.abs(seconds);
    const words = s < 90 ? `${Math.round(s)} s` : s < 5400 ? `${Math.round(s / 60)} min`
      : s < 129600 ? `${(s / 3600).toFixed(s < 36000 ? 1 : 0)} h` : `${Math.round(s / 86400)} d`;
    return seconds >= 0 ? `${words} ago` : `in ${words}`;
  }
  function tick() {
    const now = stackNow();
    const clock = byId("clock");
    if (clock) clock.textContent = new Date(now).toISOString().slice(0, 19).replace("T", " ");
    for (const element of document.querySelectorAll("time[data-age]")) {
      element.textContent = age((now - Date.parse(element.dateTime)) / 1000);
    }
  }
  function localTimes() {
    for (const element of document.querySelectorAll("time:not([data-known])")) {
      element.dataset.known = "1";
      const at = new Date(element.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      const lines = [`${at.toISOString().slice(0, 19).replace("T", " ")} UTC`,
        `${at.toLocaleString(undefined, SITE)} (your time)`];
      if (element.dataset.zone) {
        lines.push(`${at.toLocaleString(undefined, { ...SITE, timeZone: element.dataset.zone })} (site)`);
      }
      element.title = lines.join("\n");
    }
  }
  // what a person opened, chose or wrote survives a live update
  function keepState(target) {
    return {
      open: [...target.querySelectorAll("details[id]")].map((d) => [d.id, d.open]),
      plan: target.querySelector('tr.pick[aria-selected="true"]')?.dataset.plan,
    };
  }
  function restoreState(target, kept) {
    for (const [id, open] of kept.open) { const d = byId(id); if (d) d.open = open; }
    if (kept.plan) target.querySelector(`tr.pick[data-plan="${kept.plan}"]`)?.setAttribute("aria-selected", "true");
  }
  const kept = new Map();
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const target = event.detail.target;
    // somebody is writing in there: leave it until the next update
    if (target.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) {
      event.detail.shouldSwap = false;
      return;
    }
    kept.set(target.id, keepState(target));
  });
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    const id = event.detail.target.id;
    const target = byId(id);
    if (target && kept.has(id)) restoreState(target, kept.get(id));
    kept.delete(id);
    tick();
    localTimes();
  });

  function start() {
    const clock = byId("clock");
    if (clock) {
      offset = Date.parse(clock.dataset.stack) - Date.now();
      speed = Number(clock.dataset.speed || 1);
      loaded = performance.now();
    }
    nightButton();
    tick();
    localTimes();
    listen();
    setInterval(tick, 1000);
  }
  document.addEventListener("htmx:afterSwap", () => { tick(); localTimes(); });
  document.addEventListener("htmx:configRequest", (event) => { event.detail.headers["X-CSRF-Token"] = csrf(); });
  document.addEventListener("DOMContentLoaded", start);
})();
