// The plan page: flat map with tiles in order, the night's play-back, the time line.
// <div id="plan-view" data-night data-tiles data-contours data-ra data-dec data-bound>
(() => {
  "use strict";
  const { sheet, bands, grid, frame, words, percent, caption, clock, ink, shape, zoneOf } = window.Charts;
  const byId = (id) => document.getElementById(id);
  const PLAY_S = 24;

  // --- the flat map ----------------------------------------------------------------------------
  // d3's core has no Mollweide: 2t + sin 2t = pi sin(lat), x ~ lon cos t, y ~ sin t
  function mollweideRaw(lambda, phi) {
    let t = phi;
    for (let i = 0; i < 12; i++) {
      const slope = 2 + 2 * Math.cos(2 * t);
      if (slope < 1e-6) break;
      t -= (2 * t + Math.sin(2 * t) - Math.PI * Math.sin(phi)) / slope;
    }
    return [2 * Math.SQRT2 / Math.PI * lambda * Math.cos(t), Math.SQRT2 * Math.sin(t)];
  }
  function pointsOf(features) {
    return features.flatMap((f) => {
      const c = f.geometry?.coordinates ?? [];
      return { LineString: c, MultiLineString: c.flat(), Polygon: c.flat(), MultiPolygon: c.flat(2) }[f.geometry?.type] ?? [];
    });
  }
  function widestGap(points) {
    const lons = points.map((p) => (p[0] + 360) % 360).sort((a, b) => a - b);
    let best = [0, 0];
    lons.forEach((v, i) => {
      const gap = (i + 1 < lons.length ? lons[i + 1] : lons[0] + 360) - v;
      if (gap > best[0]) best = [gap, v + gap / 2];
    });
    return (best[1] + 180) % 360;
  }
  function middle(points) {
    const sum = [0, 0, 0], rad = Math.PI / 180;
    for (const [lon, lat] of points) {
      sum[0] += Math.cos(lat * rad) * Math.cos(lon * rad);
      sum[1] += Math.cos(lat * rad) * Math.sin(lon * rad);
      sum[2] += Math.sin(lat * rad);
    }
    return [Math.atan2(sum[1], sum[0]) / rad, Math.atan2(sum[2], Math.hypot(sum[0], sum[1])) / rad];
  }

  const LOCAL = 24 * Math.PI / 180, APART = 15 * Math.PI / 180;
  // parts of a region that lie far from one another
  function lobes(points) {
    const step = Math.max(1, Math.floor(points.length / 500));
    const left = points.filter((_, i) => i % step === 0);
    const found = [];
    while (left.length) {
      const lobe = [left.pop()];
      for (let i = 0; i < lobe.length; i++) {
        for (let j = left.length - 1; j >= 0; j--) {
          if (d3.geoDistance(lobe[i], left[j]) < APART) lobe.push(...left.splice(j, 1));
        }
      }
      found.push(lobe);
    }
    return found;
  }
  function focusOf(points) {
    const centre = middle(points);
    return { centre, reach: d3.max(points, (p) => d3.geoDistance(p, centre)) ?? Math.PI };
  }

  // the whole, and each part of it nearer where it is of some small parts
  class PlanMap {
    constructor(root, data) { this.root = root; this.data = data; this.draw(); }
    draw() {
      const points = pointsOf([...this.data.contours, ...this.data.tiles]);
      const whole = focusOf(points);
      const parts = whole.reach < LOCAL ? [] : lobes(points).map(focusOf).sort((a, b) => b.reach - a.reach);
      const near = parts.length >= 2 && parts.length <= 4 && parts[0].reach < LOCAL ? parts : [];
      const box = (name) => Object.assign(document.createElement("div"), { className: name });
      const over = box("overview"), row = box("lobes");
      this.root.replaceChildren(over, ...(near.length ? [row] : []));
      this.maps = [new FlatMap(over, this.data, whole, this.root.dataset.label)];
      const panels = near.map(() => row.appendChild(box("lobe")));
      panels.forEach((panel, i) => this.maps.push(new FlatMap(panel, this.data, near[i], `Part ${i + 1} of the map, nearer`)));
      if (this.moment) this.play(this.moment);
    }
    play(moment) { this.moment = moment; for (const map of this.maps) map.play(moment); }
  }

  class FlatMap {
    constructor(root, data, focus, label) {
      this.root = root; this.label = label;
      Object.assign(this, data);
      this.draw(focus);
    }
    draw({ centre, reach }) {
      const points = pointsOf([...this.contours, ...this.tiles]);
      const width = Math.max(140, this.root.clientWidth || 700);
      this.local = reach < LOCAL;
      const height = this.local ? Math.min(width * 0.86, 520) : width / 2;
      if (this.local) {
        const scale = Math.min(width, height) / 2 / Math.tan(Math.max(reach * 1.08, 0.0026));
        this.projection = d3.geoGnomonic().scale(scale).clipAngle(75).clipExtent([[0, 0], [width, height]]).rotate([-centre[0], -centre[1]]);
      } else {
        this.projection = d3.geoProjection(mollweideRaw).scale(width / (4 * Math.SQRT2) * 0.992).rotate([-widestGap(points), 0]);
      }
      this.projection.translate([width / 2, height / 2]).precision(0.3).reflectX(true);
      this.path = d3.geoPath(this.projection);
      const { svg } = sheet(this.root, height, this.label ?? "Tiles on the sky");
      svg.attr("viewBox", `0 0 ${width} ${height}`);
      this.svg = svg;
      svg.append("path").attr("class", "sea").attr("d", this.local ? `M0,0H${width}V${height}H0Z` : this.path({ type: "Sphere" }));
      const span = 2 * reach * 180 / Math.PI;
      const step = this.local ? [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10].find((s) => span / s <= 7) ?? 10 : 30;
      const stepRa = this.local ? Math.min(30, step / Math.max(0.1, Math.cos(centre[1] * Math.PI / 180))) : 30;
      const neat = this.local ? [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30].find((s) => s >= stepRa) ?? 30 : 30;
      const extent = this.local ? [[centre[0] - 60, Math.max(-89, centre[1] - span)], [centre[0] + 60, Math.min(89, centre[1] + span)]] : [[-180, -90], [180, 90]];
      this.graticule(svg, step, neat, extent);
      this.labels(svg, centre, step, neat, width, height);
      svg.append("path").attr("class", "galaxy").attr("d", this.path({ type: "LineString", coordinates: galaxy() }));
      svg.append("g").selectAll("path").data(this.regions).join("path")
        .attr("class", (f) => `region c${window.Sky.levelOf(f) > 70 ? 90 : 50}`).attr("d", this.path);
      this.air = svg.append("path").attr("class", "airlimit");
      svg.append("g").selectAll("path").data(this.dropped).join("path").attr("class", "dropped").attr("d", this.path)
        .append("title").text((f) => `field ${f.properties.field_id}: in the plan before, not in this one`);
      this.tilePaths = svg.append("g").selectAll("path").data(this.tiles).join("path").attr("d", this.path);
      const last = Math.max(1, this.tiles.length - 1);
      this.tilePaths.attr("fill", (_, i) => d3.interpolateViridis(0.3 + 0.7 * i / last)).attr("stroke", (_, i) => d3.interpolateViridis(0.3 + 0.7 * i / last));
      this.tilePaths.append("title").text((f) => {
        const p = f.properties;
        return `${p.order}: field ${p.field_id}, ${(p.filters ?? []).join(" ")}, ${(p.starts ?? [""])[0].slice(0, 16).replace("T", " ")} UTC, ${percent(p.probability)}`;
      });
      svg.append("g").selectAll("path").data(this.contours).join("path")
        .attr("class", (f) => `contour c${window.Sky.levelOf(f) > 70 ? 90 : 50}`).attr("d", this.path);
      const big = this.tiles.filter((f) => !this.local || d3.geoDistance([f.properties.ra_deg, f.properties.dec_deg], centre) < 1).filter((f) => { const [[a, b], [c, d]] = this.path.bounds(f); return Math.min(c - a, d - b) > 17; });
      svg.append("g").selectAll("text").data(this.tiles.length <= 80 ? big : []).join("text").attr("class", "order")
        .attr("x", (f) => this.at(f.properties)[0]).attr("y", (f) => this.at(f.properties)[1] + 4).text((f) => f.properties.order);
      if (this.peak && this.projection(this.peak) && (!this.local || d3.geoDistance(this.peak, centre) < 1)) {
        svg.append("path").attr("class", "peak").attr("d", "M-11,0H-4M4,0H11M0,-11V-4M0,4V11").attr("transform", `translate(${this.projection(this.peak)})`);
      }
      this.moon = svg.append("g").attr("class", "moon");
      this.moon.append("circle").attr("r", 7);
      this.moon.append("text").attr("x", 11).attr("y", 4);
      this.root.replaceChildren(svg.node());
    }
    at(p) { return this.projection([p.ra_deg, p.dec_deg]) ?? [-99, -99]; }
    graticule(svg, step, stepRa, extent) {
      const lines = d3.geoGraticule().step([stepRa, step]).extentMajor(extent).extentMinor(extent).precision(1);
      svg.append("path").attr("class", "graticule").attr("d", this.path(lines()));
    }
    labels(svg, centre, step, stepRa, width, height) {
      const group = svg.append("g").attr("class", "maplab");
      const digits = (s) => (s >= 1 ? 0 : s >= 0.1 ? 1 : 2);
      if (!this.local) {
        for (let h = 0; h < 24; h += width < 560 ? 6 : 4) {
          const at = this.projection([h * 15, 0]);
          if (at && at[0] > 14 && at[0] < width - 20) group.append("text").attr("x", at[0] + 3).attr("y", at[1] - 3).text(`${h}h`);
        }
        for (const dec of [-60, -30, 30, 60]) {
          const at = this.projection([-this.projection.rotate()[0] + 179.5, dec]);
          if (at) group.append("text").attr("x", at[0] + 4).attr("y", at[1] + (dec > 0 ? 4 : 8)).text(`${dec > 0 ? "+" : "\u2212"}${Math.abs(dec)}\u00b0`);
        }
        return;
      }
      for (let dec = Math.ceil((centre[1] - 60) / step) * step; dec < centre[1] + 60; dec += step) {
        const at = this.projection([centre[0], dec]);
        if (at && at[1] > 14 && at[1] < height - 22 && Math.abs(dec) < 90) {
          group.append("text").attr("x", 5).attr("y", this.edgeY(centre[0], dec, at[1]) - 3).text(`${dec < 0 ? "\u2212" : "+"}${Math.abs(dec).toFixed(digits(step))}\u00b0`);
        }
      }
      for (let ra = Math.ceil((centre[0] - 180) / stepRa) * stepRa; ra < centre[0] + 180; ra += stepRa) {
        const at = this.projection([ra, centre[1]]);
        if (at && at[0] > 46 && at[0] < width - 30 && d3.geoDistance([ra, centre[1]], centre) < 1) {
          group.append("text").attr("x", this.edgeX(ra, centre[1], at[0], height)).attr("y", height - 6).attr("text-anchor", "middle").text(`${((ra + 360) % 360).toFixed(digits(stepRa))}\u00b0`);
        }
      }
    }
    // where a parallel leaves the map at its left edge, a meridian at the lower one
    edgeY(ra, dec, fallback) {
      for (let d = 0; d < 80; d += 0.25) {
        const at = this.projection([ra + d / Math.max(0.05, Math.cos(dec * Math.PI / 180)), dec]);
        if (!at) break;
        if (at[0] <= 4) return at[1];
      }
      return fallback;
    }
    edgeX(ra, dec, fallback, height) {
      for (let d = 0; d < 80; d += 0.1) {
        const at = this.projection([ra, Math.max(-90, dec - d)]);
        if (!at) break;
        if (at[1] >= height - 8) return at[0];
      }
      return fallback;
    }
    play(moment) {
      this.moment = moment;
      this.tilePaths.attr("class", (f) => {
        const seen = moment.seen.get(f.properties.order) ?? 0;
        const share = seen / (f.properties.filters?.length || 1);
        return `tile${this.isNew(f) ? " new" : ""} ${f.properties.order === moment.current ? "now" : share >= 1 ? "whole" : seen ? "seen" : "ahead"}`;
      });
      this.air.attr("d", moment.zenith && moment.playing !== undefined
        ? this.path(d3.geoCircle().center(moment.zenith).radius(moment.reach)()) : null);
      const place = moment.moon && this.projection(moment.moon);
      const visible = place && (!this.local || d3.geoDistance(moment.moon, this.projection.invert([this.projection.translate()[0], this.projection.translate()[1]])) < 1);
      this.moon.attr("display", visible ? null : "none");
      if (visible) {
        this.moon.attr("transform", `translate(${place})`);
        this.moon.select("text").text(`Moon ${Math.round(100 * moment.illumination)} %`);
      }
    }
  }
  // b = 0, from the north galactic pole (192.859, 27.128) and the ascending node (282.859, 0)
  function galaxy() {
    const rad = Math.PI / 180, tilt = (90 - 27.12825) * rad;
    return d3.range(0, 361, 3).map((l) => {
      const x = Math.cos(l * rad), y = Math.sin(l * rad);
      return [282.85948 + Math.atan2(y * Math.cos(tilt), x) / rad, Math.asin(y * Math.sin(tilt)) / rad];
    });
  }

  // --- the time line ---------------------------------------------------------------------------
  class TimeLine {
    constructor(root, night, bound) { this.root = root; this.night = night; this.bound = bound; this.draw(); }
    draw() {
      const n = this.night, tz = zoneOf(n.site?.timezone);
      const { svg, width } = sheet(this.root, 10, `Time line of ${n.exposures.length} exposures by filter, with airmass, probability covered, distance from the Moon, altitudes of Sun and Moon`);
      const x = d3.scaleUtc([new Date(n.begin), new Date(n.end)], [40, width - 6]);
      this.x = x;
      const mid = (e) => x((Date.parse(e.begin) + Date.parse(e.end)) / 2);
      const lane = 20;
      let y = 18;
      const title = (text) => words(svg, 40, y - 5, text, { kind: "panel" });
      title("Exposures by filter");
      let bottom = y + lane * n.filters.length;
      bands(svg, x, n.bands, y, bottom); grid(svg, x, tz, y, bottom, false);
      n.filters.forEach((name, i) => {
        words(svg, 33, y + lane * i + 15, name, { anchor: "end", kind: `name ${ink(name)}` });
        svg.append("g").attr("class", `bars ${ink(name)}`).selectAll("rect").data(n.exposures.filter((e) => e.filter === name)).join("rect")
          .attr("x", (e) => x(Date.parse(e.begin))).attr("y", y + lane * i + 3).attr("height", lane - 6)
          .attr("width", (e) => Math.max(1.2, x(Date.parse(e.end)) - x(Date.parse(e.begin)) - 0.4))
          .append("title").text((e) => `${e.number}: field ${e.field_id}, ${e.filter}, ${clock(new Date(e.begin), tz)}`);
      });
      frame(svg, x, y, bottom);
      const dots = (key, scale) => {
        for (const name of n.filters) {
          svg.append("g").attr("class", `dots ${ink(name)}`).selectAll("path").data(n.exposures.filter((e) => e.filter === name)).join("path")
            .attr("d", d3.symbol(shape(name), 26)()).attr("transform", (e) => `translate(${mid(e)},${scale(e[key])})`);
        }
      };
      const panel = (text, tall, domain, marks, format) => {
        y = bottom + 26;
        title(text);
        bottom = y + tall;
        const scale = d3.scaleLinear(domain, [bottom, y]);
        bands(svg, x, n.bands, y, bottom); grid(svg, x, tz, y, bottom, false);
        for (const value of marks) {
          svg.append("line").attr("class", "rule").attr("x1", 40).attr("x2", width - 6).attr("y1", scale(value)).attr("y2", scale(value));
          words(svg, 35, scale(value) + 4, format(value), { anchor: "end" });
        }
        frame(svg, x, y, bottom);
        return scale;
      };
      const limit = (scale, value, text) => {
        svg.append("line").attr("class", "limit").attr("x1", 40).attr("x2", width - 6).attr("y1", scale(value)).attr("y2", scale(value));
        words(svg, width - 10, scale(value) - 4, text, { anchor: "end", kind: "lab limitlab halo" });
      };
      const worst = Math.max(d3.max(n.exposures, (e) => e.airmass) + 0.1, Math.min(n.limits.airmass_max + 0.15, 4));
      const air = panel("Airmass", 110, [worst, 0.97], [1, 1.5, 2, 2.5, 3].filter((v) => v < worst), (v) => v.toFixed(1));
      if (n.limits.airmass_max < worst) limit(air, n.limits.airmass_max, `limit ${n.limits.airmass_max}`);
      dots("airmass", air);
      const final = n.exposures.at(-1);
      if (final.covered > 0) {
        const top = Math.min(1.03, Math.max(final.covered, this.bound ?? 0) * 1.15);
        const step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.25].find((s) => top / s <= 5.2);
        const cover = panel("Probability covered: once, and in the whole sequence (dashed)", 100, [0, top], d3.range(0, top, step), (v) => `${Math.round(100 * v)}%`);
        if (this.bound) limit(cover, Math.min(this.bound, top), `at most ${percent(this.bound)}`);
        for (const [key, kind] of [["covered", "gain"], ["covered_sequence", "gain dashed"]]) {
          const line = [[x.range()[0], 0], ...n.exposures.map((e) => [x(Date.parse(e.end)), e[key]]), [x.range()[1], final[key]]];
          svg.append("path").attr("class", kind).attr("d", d3.line((p) => p[0], (p) => cover(p[1])).curve(d3.curveStepAfter)(line));
        }
      }
      const far = Math.min(180, Math.max(d3.max(n.exposures, (e) => e.moon_distance_deg), n.limits.moon_separation_min_deg) + 20);
      const moon = panel("Distance from the Moon", 70, [0, far], (far < 110 ? [0, 30, 60, 90] : [0, 60, 120]).filter((v) => v < far - 4), (v) => `${v}\u00b0`);
      limit(moon, n.limits.moon_separation_min_deg, `limit ${n.limits.moon_separation_min_deg}\u00b0`);
      dots("moon_distance_deg", moon);
      const high = panel(`Altitude of Sun (dotted) and Moon (${Math.round(100 * n.moon_illumination)} % lit)`, 84, [-45, 90], [-30, 0, 30, 60, 90], (v) => `${v}\u00b0`);
      svg.append("clipPath").attr("id", "clip-altitudes").append("rect").attr("x", 40).attr("y", y).attr("width", width - 46).attr("height", bottom - y);
      const inside = svg.append("g").attr("clip-path", "url(#clip-altitudes)");
      for (const key of ["sun", "moon"]) {
        inside.append("path").attr("class", `${key}line`).attr("d", d3.line((s) => x(Date.parse(s.time)), (s) => high(s[`${key}_altitude_deg`]))(n.samples));
      }
      grid(svg, x, tz, bottom, bottom + 1, true);
      words(svg, width - 6, bottom + 34, caption(x, tz), { anchor: "end" });
      this.cursor = svg.append("line").attr("class", "cursor").attr("y1", 18).attr("y2", bottom).attr("display", "none");
      svg.attr("viewBox", `0 0 ${width} ${bottom + 40}`);
      svg.append("rect").attr("class", "catch").attr("x", 40).attr("y", 18).attr("width", width - 46).attr("height", bottom - 18)
        .on("pointerdown pointermove", (e) => {
          if (e.type === "pointermove" && !e.buttons) return;
          const box = svg.node().getBoundingClientRect();
          this.pick?.(Number(x.invert((e.clientX - box.left) * width / box.width)));
        });
      this.root.replaceChildren(svg.node());
      if (this.time !== undefined) this.play(this.time);
    }
    play(time) {
      this.time = time;
      this.cursor.attr("display", null).attr("x1", this.x(time)).attr("x2", this.x(time));
    }
  }

  // --- the play-back ---------------------------------------------------------------------------
  class Player {
    constructor(view, night, shows) {
      this.night = night; this.shows = shows; this.view = view;
      const e = night.exposures;
      this.first = Date.parse(e[0].begin) - 300e3;
      this.last = Date.parse(e.at(-1).end) + 60e3;
      this.times = night.samples.map((s) => Date.parse(s.time));
      this.begins = e.map((row) => Date.parse(row.begin));
      this.slider = byId("moment"); this.button = byId("play"); this.told = byId("told-moment");
      Object.assign(this.slider, { min: 0, max: 1000, value: 1000 });
      this.slider.addEventListener("input", () => { this.stop(); this.show(this.timeAt(Number(this.slider.value) / 1000), true); });
      this.button.addEventListener("click", () => (this.timer ? this.stop() : this.start()));
      for (const [id, by] of [["back", -1], ["forth", 1]]) byId(id)?.addEventListener("click", () => this.step(by));
      // time without exposures (daylight) is passed over: the slider runs through the exposures
      this.stretches = [];
      let at = this.first;
      for (const row of e) {
        const begin = Date.parse(row.begin), end = Date.parse(row.end);
        if (begin - at > 1200e3) { this.stretches.push([at, at + 300e3]); at = begin - 300e3; }
        this.stretches.push([at, end]);
        at = end;
      }
      this.stretches.push([at, this.last]);
      this.length = d3.sum(this.stretches, ([a, b]) => b - a);
      this.show(this.last);
    }
    timeAt(part) {
      let left = part * this.length;
      for (const [a, b] of this.stretches) {
        if (left <= b - a) return a + left;
        left -= b - a;
      }
      return this.last;
    }
    partOf(time) {
      let sum = 0;
      for (const [a, b] of this.stretches) {
        if (time < a) break;
        sum += Math.min(time, b) - a;
      }
      return Math.min(1, sum / this.length);
    }
    step(by) {
      this.stop();
      // between two exposures, the one before is the last that has ended
      const now = this.number ?? -1;
      const next = Math.max(0, Math.min(this.night.exposures.length - 1, this.open || by > 0 ? now + by : now));
      this.show(this.begins[next] + 1000, true);
    }
    start() {
      let part = this.partOf(this.time);
      if (part >= 0.999) part = 0;
      const speed = 1 / Math.max(6, Math.min(PLAY_S, this.night.exposures.length * 0.6));
      let before = performance.now();
      this.button.textContent = "Pause";
      this.button.setAttribute("aria-pressed", "true");
      const tick = (now) => {
        part += (now - before) / 1000 * speed;
        before = now;
        this.show(this.timeAt(Math.min(1, part)), true);
        if (part >= 1) { this.stop(); this.show(this.last); return; }
        this.timer = requestAnimationFrame(tick);
      };
      this.timer = requestAnimationFrame(tick);
    }
    stop() {
      cancelAnimationFrame(this.timer);
      this.timer = null;
      this.button.textContent = "Play the night";
      this.button.setAttribute("aria-pressed", "false");
    }
    sample(time) {
      const i = Math.max(1, Math.min(this.times.length - 1, d3.bisect(this.times, time)));
      return this.night.samples[time - this.times[i - 1] < this.times[i] - time ? i - 1 : i];
    }
    show(time, playing) {
      this.time = time;
      const rows = this.night.exposures, sample = this.sample(time);
      const begun = d3.bisect(this.begins, time);
      const row = rows[begun - 1];
      const open = row && time < Date.parse(row.end);
      this.number = row ? begun - 1 : undefined;
      this.open = open;
      const seen = new Map();
      for (const done of rows.slice(0, open ? begun - 1 : begun)) seen.set(done.order, (seen.get(done.order) ?? 0) + 1);
      const limit = Math.max(90 - Math.acos(1 / this.night.limits.airmass_max) * 180 / Math.PI, this.night.limits.altitude_min_deg);
      const moment = {
        seen, current: open ? row.order : null, zenith: [sample.zenith_ra_deg, sample.zenith_dec_deg],
        reach: 90 - limit, moon: [sample.moon_ra_deg, sample.moon_dec_deg],
        illumination: this.night.moon_illumination, playing,
      };
      for (const show of this.shows) show(moment, time);
      this.slider.value = Math.round(1000 * this.partOf(time));
      const tz = zoneOf(this.night.site?.timezone);
      const done = rows[(open ? begun - 1 : begun) - 1];
      const parts = [`${clock(new Date(time), tz, true)} ${tz === "UTC" ? "UTC" : ""}`.trim()];
      if (open) parts.push(`exposure ${row.number} of ${rows.length}: field ${row.field_id} in ${row.filter}`, `airmass ${row.airmass.toFixed(2)}`, `${Math.round(row.moon_distance_deg)}\u00b0 from the Moon`);
      else parts.push(done ? `${done.number} of ${rows.length} exposures taken` : "before the first exposure");
      parts.push(`Sun ${Math.round(sample.sun_altitude_deg)}\u00b0, Moon ${Math.round(sample.moon_altitude_deg)}\u00b0`);
      if (rows.at(-1).covered > 0) parts.push(`${percent(done?.covered ?? 0)} covered`);
      this.told.textContent = parts.join(" · ");
      this.slider.setAttribute("aria-valuetext", parts.slice(0, 2).join(", "));
    }
  }

  async function start() {
    const view = byId("plan-view");
    if (!view) return;
    const data = view.dataset, Sky = window.Sky;
    try {
      const [night, tiles, contours, before] = await Promise.all([
        window.Charts.read(data.night), Sky.load(data.tiles), data.contours ? Sky.load(data.contours) : null,
        data.before ? Sky.load(data.before).catch(() => null) : null,
      ]);
      const kept = new Set(Sky.features(tiles).map((f) => f.properties.field_id));
      const known = before && new Set(Sky.features(before).map((f) => f.properties.field_id));
      const map = new PlanMap(byId("flat-map"), {
        contours: Sky.outlines(contours), regions: Sky.features(contours), tiles: Sky.features(tiles),
        dropped: Sky.features(before).filter((f) => !kept.has(f.properties.field_id)),
        isNew: (f) => Boolean(known) && !known.has(f.properties.field_id),
        peak: data.ra === undefined ? null : [Number(data.ra), Number(data.dec)],
      });
      const line = new TimeLine(byId("time-line"), night, data.bound ? Number(data.bound) : null);
      const player = new Player(view, night, [
        (moment) => map.play(moment),
        (_, time) => line.play(time),
        (moment) => document.dispatchEvent(new CustomEvent("plan:moment", { detail: moment.playing === undefined ? null : moment })),
      ]);
      line.pick = (time) => { player.stop(); player.show(Math.max(player.first, Math.min(player.last, time)), true); };
      document.addEventListener("charts:zone", () => { map.draw(); line.draw(); player.show(player.time, player.time < player.last || undefined); });
      byId("playback").hidden = false;
      view.dataset.ready = "1";
    } catch (error) {
      byId("flat-map").textContent = error.message;
      view.dataset.ready = "failed";
    }
  }
  document.addEventListener("DOMContentLoaded", start);
})();
