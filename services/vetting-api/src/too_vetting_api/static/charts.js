// Charts against time, drawn live: <div class="chart" data-curves="URL" data-kind="bars | airmass"
// data-telescope="ZTF">. Colours are classes (ink0 ... ink6, band-day ...), so that every palette
// of the pages has its own. Times are UTC, or the reader's own by the button [data-zones].
(() => {
  "use strict";
  const H = 3600e3;
  const STEPS = [10, 15, 20, 30, 60, 120, 180, 240, 360, 720, 1440].map((m) => m * 60e3);
  const FILTER_INK = { u: 6, g: 2, r: 1, i: 3, z: 4, y: 5, Y: 5, J: 0, H: 4, K: 3 };
  const FILTER_SHAPE = {
    u: d3.symbolWye, g: d3.symbolCircle, r: d3.symbolSquare, i: d3.symbolDiamond, z: d3.symbolTriangle,
    y: d3.symbolCross, Y: d3.symbolCross, J: d3.symbolCircle, H: d3.symbolSquare, K: d3.symbolTriangle,
  };
  const ink = (name) => `ink${FILTER_INK[name] ?? FILTER_INK[name.slice(-1)] ?? 6}`;
  const shape = (name) => FILTER_SHAPE[name] ?? FILTER_SHAPE[name.slice(-1)] ?? d3.symbolStar;

  // --- times ---------------------------------------------------------------------------------
  let zone = "UTC";
  try { zone = localStorage.getItem("too-zone") || "UTC"; } catch { /* UTC then */ }
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  function zoneOf(site) { return zone === "site" ? site ?? "UTC" : zone === "own" ? own : "UTC"; }
  const makers = new Map();
  function clock(at, tz, long = false) {
    const key = `${tz} ${long}`;
    if (!makers.has(key)) {
      const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: tz };
      if (long) Object.assign(options, { day: "numeric", month: "short" });
      makers.set(key, new Intl.DateTimeFormat("en-GB", options));
    }
    return makers.get(key).format(at).replace(",", "");
  }
  function ticks(x, tz) {
    const [a, b] = x.domain().map(Number);
    const room = Math.max(2, Math.floor((x.range()[1] - x.range()[0]) / 58));
    const step = STEPS.find((s) => (b - a) / s <= room) ?? STEPS.at(-1);
    const found = [];
    for (let t = Math.ceil(a / step) * step; t <= b; t += step) {
      const text = clock(new Date(t), tz);
      found.push([t, text === "00:00" ? clock(new Date(t), tz, true).split(" ").slice(0, 2).join(" ") : text]);
    }
    return found;
  }
  function caption(x, tz) {
    const begin = clock(x.domain()[0], tz, true).split(" ").slice(0, 2).join(" ");
    return `times from ${begin}, ${tz === "UTC" ? "UTC" : tz.replace("_", " ")}`;
  }

  // --- pieces ----------------------------------------------------------------------------------
  function sheet(root, height, label) {
    const width = Math.max(300, Math.round(root.clientWidth || 640));
    const svg = d3.create("svg").attr("viewBox", `0 0 ${width} ${height}`).attr("role", "img")
      .attr("aria-label", label);
    return { svg, width };
  }
  function bands(svg, x, list, top, bottom) {
    const [left, right] = x.range();
    svg.append("g").selectAll("rect").data((list ?? []).filter((b) => b.kind !== "night")).join("rect")
      .attr("class", (b) => `band-${b.kind}`)
      .attr("x", (b) => Math.max(left, x(Date.parse(b.begin)))).attr("y", top).attr("height", bottom - top)
      .attr("width", (b) => Math.max(0, Math.min(right, x(Date.parse(b.end))) - Math.max(left, x(Date.parse(b.begin)))));
  }
  function grid(svg, x, tz, top, bottom, labels) {
    const group = svg.append("g").attr("class", "axis");
    const [left, right] = x.range();
    for (const [t, text] of ticks(x, tz)) {
      group.append("line").attr("x1", x(t)).attr("x2", x(t)).attr("y1", top).attr("y2", bottom);
      if (labels && x(t) > left + 8 && x(t) < right - 8) {
        group.append("text").attr("x", x(t)).attr("y", bottom + 16).attr("text-anchor", "middle").text(text);
      }
    }
  }
  function frame(svg, x, top, bottom) {
    svg.append("rect").attr("class", "frame").attr("x", x.range()[0]).attr("y", top)
      .attr("width", x.range()[1] - x.range()[0]).attr("height", bottom - top);
  }
  function words(svg, x, y, text, { anchor = "start", kind = "lab" } = {}) {
    return svg.append("text").attr("class", kind).attr("x", x).attr("y", y).attr("text-anchor", anchor).text(text);
  }
  const percent = (v, digits = 1) => (v === null || v === undefined ? "\u2013" : `${(100 * v).toFixed(digits)}\u202f%`);

  // --- an event from all sites -----------------------------------------------------------------
  function siteBars(root, sites, tz) {
    const narrow = root.clientWidth < 560;
    const most = Math.max(0.001, ...sites.map((s) => s.observable_best ?? 0));
    const tall = 34, step = narrow ? tall + 24 : tall + 9;
    const { svg, width } = sheet(root, 8 + step * sites.length + 44,
      `Observable share of the probability against time: ${sites.map((s) => `${s.telescope} ${percent(s.observable_ever)} in all, ${s.reason ?? `${percent(s.observable_best)} at best`}`).join("; ")}`);
    const samples = sites[0].samples;
    const x = d3.scaleUtc([new Date(samples[0].time), new Date(samples.at(-1).time)], [narrow ? 2 : 124, width - 4]);
    let y = 4;
    sites.forEach((site, i) => {
      const top = narrow ? y + 18 : y, bottom = top + tall;
      words(svg, narrow ? 2 : 0, y + 13, site.telescope, { kind: `name ink${i}` });
      const told = site.observable_ever === undefined ? "" : `${percent(site.observable_ever)} in all`;
      if (narrow) words(svg, width - 4, y + 13, told, { anchor: "end" });
      else words(svg, 0, y + 28, told);
      bands(svg, x, site.bands, top, bottom);
      grid(svg, x, tz, top, bottom, false);
      if (site.observable_best > 0) {
        const height = d3.scaleLinear([0, most], [bottom, top + 1]);
        svg.append("path").attr("class", `area ink${i}`).attr("d", d3.area()
          .x((s) => x(Date.parse(s.time))).y0(bottom).y1((s) => height(s.observable ?? 0))(site.samples))
          .append("title").text(`${site.telescope}: ${percent(site.observable_best)} at best`);
      } else {
        words(svg, (x.range()[0] + x.range()[1]) / 2, top + tall / 2 + 4, site.reason ?? "nothing of the map is up in the dark", { anchor: "middle", kind: "lab halo" });
      }
      frame(svg, x, top, bottom);
      y += step;
    });
    const end = y - (step - (narrow ? tall + 18 : tall));
    grid(svg, x, tz, end, end + 1, true);
    words(svg, 0, end + 34, narrow ? caption(x, tz) : `full height ${percent(most)} of the probability; shaded: day and twilight`);
    words(svg, width - 4, end + 34, narrow ? `height ${percent(most, 0)}` : caption(x, tz), { anchor: "end" });
    svg.attr("viewBox", `0 0 ${width} ${end + 42}`);
    root.replaceChildren(svg.node());
  }

  function siteAirmass(root, sites, tz) {
    const tall = sites.length === 1 ? 200 : 84, step = tall + 26;
    const { svg, width } = sheet(root, 10 + step * sites.length + 48, `Airmass of the map against time, by telescope: ${sites.map((s) => s.telescope).join(", ")}`);
    const samples = sites[0].samples;
    const x = d3.scaleUtc([new Date(samples[0].time), new Date(samples.at(-1).time)], [30, width - 4]);
    let y = 4;
    sites.forEach((site, i) => {
      const number = Number(site.index ?? i);
      const limit = site.airmass_max ?? 2.5, low = Math.min(Math.max(limit + 0.3, 2.5), 4);
      const top = y + 18, bottom = top + tall;
      const up = d3.scaleLinear([1, low], [top, bottom]);
      const clip = `clip-${root.dataset.kind}-${number}`;
      svg.append("clipPath").attr("id", clip).append("rect").attr("x", x.range()[0]).attr("y", top)
        .attr("width", x.range()[1] - x.range()[0]).attr("height", tall);
      words(svg, 30, y + 13, site.telescope, { kind: `name ink${number}` });
      const note = site.dark && !site.dark.length ? site.reason : site.observable_ever === undefined ? "" : `${percent(site.observable_ever)} observable`;
      words(svg, width - 4, y + 13, note ?? "", { anchor: "end" });
      bands(svg, x, site.bands, top, bottom);
      grid(svg, x, tz, top, bottom, false);
      for (const value of [1, 1.5, 2, 2.5, 3].filter((v) => v < low)) {
        svg.append("line").attr("class", "rule").attr("x1", x.range()[0]).attr("x2", x.range()[1]).attr("y1", up(value)).attr("y2", up(value));
        words(svg, 25, up(value) + 4, value.toFixed(1), { anchor: "end" });
      }
      const inside = svg.append("g").attr("clip-path", `url(#${clip})`);
      const good = (v) => v !== null && v !== undefined && v < 12;
      const t = (s) => x(Date.parse(s.time));
      inside.append("path").attr("class", `range ink${number}`).attr("d", d3.area().defined((s) => good(s.airmass_10))
        .x(t).y0((s) => up(good(s.airmass_90) ? s.airmass_90 : 12)).y1((s) => up(s.airmass_10))(site.samples));
      inside.append("path").attr("class", `curve ink${number}`).attr("d", d3.line(t, (s) => up(s.airmass_50)).defined((s) => good(s.airmass_50))(site.samples));
      inside.append("path").attr("class", `curve peakline ink${number}`).attr("d", d3.line(t, (s) => up(s.airmass)).defined((s) => good(s.airmass))(site.samples));
      svg.append("line").attr("class", "limit").attr("x1", x.range()[0]).attr("x2", x.range()[1]).attr("y1", up(limit)).attr("y2", up(limit));
      frame(svg, x, top, bottom);
      y += step;
    });
    grid(svg, x, tz, y - 8, y - 7, true);
    words(svg, 30, y + 26, "line: half of the probability; band: middle 80 %; dashes: peak");
    words(svg, width - 4, y + 42, caption(x, tz), { anchor: "end" });
    svg.attr("viewBox", `0 0 ${width} ${y + 48}`);
    root.replaceChildren(svg.node());
  }

  const answers = new Map();
  async function read(url) {
    if (!answers.has(url)) {
      answers.set(url, fetch(url, { headers: { Accept: "application/json" } }).then((answer) => {
        if (!answer.ok) throw new Error(`the chart could not be loaded (${answer.status})`);
        return answer.json();
      }));
    }
    return answers.get(url);
  }
  async function draw(root) {
    try {
      const doc = await read(root.dataset.curves);
      const all = (doc.telescopes ?? []).map((site, index) => ({ ...site, index })).filter((s) => s.samples?.length);
      const sites = all.filter((s) => !root.dataset.telescope || s.telescope === root.dataset.telescope);
      if (!sites.length) { root.textContent = "No chart: nothing is known yet."; return; }
      (root.dataset.kind === "bars" ? siteBars : siteAirmass)(root, sites, zoneOf(sites[0].timezone));
    } catch (error) {
      answers.delete(root.dataset.curves);
      root.textContent = error.message;
    }
  }
  const roots = () => document.querySelectorAll(".chart[data-curves]");
  function start() {
    for (const root of roots()) if (!root.dataset.started) { root.dataset.started = "1"; draw(root); }
    zoneButtons();
  }
  function zoneButtons() {
    for (const button of document.querySelectorAll("[data-zone]")) {
      button.setAttribute("aria-pressed", String(button.dataset.zone === zone));
    }
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-zone]");
    if (!button) return;
    zone = button.dataset.zone;
    try { localStorage.setItem("too-zone", zone); } catch { /* kept for this page */ }
    zoneButtons();
    for (const root of roots()) draw(root);
    document.dispatchEvent(new CustomEvent("charts:zone"));
  });
  // what is folded away has no width: it is drawn when it is opened
  document.addEventListener("toggle", (event) => {
    for (const root of event.target.querySelectorAll?.(".chart[data-curves]") ?? []) draw(root);
  }, true);
  let timer = null, width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    clearTimeout(timer);
    timer = setTimeout(() => { for (const root of roots()) draw(root); document.dispatchEvent(new CustomEvent("charts:zone")); }, 150);
  });
  document.addEventListener("DOMContentLoaded", start);
  document.addEventListener("htmx:afterSwap", start);
  window.Charts = { sheet, bands, grid, frame, words, percent, caption, clock, ink, shape, zoneOf, read, H };
})();
