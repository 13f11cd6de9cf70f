// The sky as a globe: contours of the map, its peak, tiles of a plan, candidates.
// <div class="globe" data-contours="..." data-ra data-dec data-points="...">; tiles come by the
// event `globe:tiles`. The sky is seen from inside: east is to the left.
(() => {
  "use strict";
  const SIZE = 520, RADIUS = 246;

  // d3 reads a ring's inside from its direction: rings that would fill the outside are turned round.
  function wound(feature) {
    const geometry = feature.geometry;
    if (geometry?.type === "Polygon" || geometry?.type === "MultiPolygon") {
      const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
      const turned = polygons.map((rings) => d3.geoArea({ type: "Polygon", coordinates: rings }) > 2 * Math.PI
        ? rings.map((ring) => [...ring].reverse()) : rings);
      return { ...feature, geometry: { type: "MultiPolygon", coordinates: turned } };
    }
    return feature;
  }
  function features(doc) {
    if (!doc) return [];
    if (doc.type === "FeatureCollection") return doc.features.map(wound);
    return [wound(doc.type === "Feature" ? doc : { type: "Feature", geometry: doc, properties: {} })];
  }
  // outlines are drawn as lines: the cuts at RA 180 that polygons need are not to be seen
  function outlines(doc) {
    return features(doc).map((feature) => {
      const geometry = feature.geometry;
      if (!geometry) return feature;
      const lines = feature.properties?.outline
        ?? (geometry.type === "MultiPolygon" ? geometry.coordinates.flat()
          : geometry.type === "Polygon" ? geometry.coordinates : null);
      return lines ? { ...feature, geometry: { type: "MultiLineString", coordinates: lines } } : feature;
    });
  }
  function levelOf(feature) {
    const p = feature.properties ?? {};
    const value = Number(p.credible_level ?? p.level ?? 90);
    return value <= 1 ? value * 100 : value;
  }
  async function load(url) {
    const answer = await fetch(url, { headers: { Accept: "application/geo+json, application/json" } });
    if (!answer.ok) throw new Error(`the map could not be loaded (${answer.status})`);
    return answer.json();
  }

  class Globe {
    constructor(root) {
      this.root = root;
      const data = root.dataset;
      this.ra = Number(data.ra || 0);
      this.dec = Number(data.dec || 0);
      this.contours = []; this.tiles = []; this.points = []; this.url = null;
      this.projection = d3.geoOrthographic().translate([SIZE / 2, SIZE / 2]).clipAngle(90).precision(0.3)
        .reflectX(true);
      this.path = d3.geoPath(this.projection).pointRadius(4);
      const svg = d3.select(root).append("svg").attr("viewBox", `0 0 ${SIZE} ${SIZE}`)
        .attr("role", "img").attr("tabindex", "0").attr("aria-label", root.dataset.label ?? "Sky map");
      this.svg = svg;
      this.sea = svg.append("circle").attr("class", "sea").attr("cx", SIZE / 2).attr("cy", SIZE / 2);
      this.gridPath = svg.append("path").attr("class", "graticule");
      this.equator = svg.append("path").attr("class", "equator");
      this.labels = svg.append("g");
      this.tileLayer = svg.append("g");
      this.contourLayer = svg.append("g");
      this.pointLayer = svg.append("g");
      this.peak = svg.append("path").attr("class", "peak").attr("d", "M-9,0H-3M3,0H9M0,-9V-3M0,3V9");
      this.tip = d3.select(root).append("div").attr("class", "tip").attr("role", "status");
      const zoom = d3.select(root).append("div").attr("class", "zoom");
      for (const [sign, word, factor] of [["+", "Closer", 1.5], ["\u2212", "Farther", 1 / 1.5]]) {
        zoom.append("button").attr("class", "iconbtn").attr("type", "button").attr("aria-label", word)
          .text(sign).on("click", () => this.zoom(factor));
      }
      zoom.append("button").attr("class", "iconbtn").attr("type", "button").attr("aria-label", "Back to the peak")
        .text("\u2295").on("click", () => this.home());
      this.gestures();
      this.home();
    }
    home() {
      this.scale = this.fit ?? 1;
      this.centre(this.ra, this.dec);
    }
    centre(ra, dec) { this.rotation = [-ra, -dec, 0]; this.draw(); }
    zoom(factor) { this.scale = Math.min(60, Math.max(1, this.scale * factor)); this.draw(); }
    gestures() {
      const pointers = new Map();
      let spread = null;
      this.svg.on("pointerdown", (e) => { pointers.set(e.pointerId, [e.clientX, e.clientY]); this.svg.node().setPointerCapture?.(e.pointerId); });
      this.svg.on("pointerup pointercancel", (e) => { pointers.delete(e.pointerId); spread = null; });
      this.svg.on("pointermove", (e) => {
        const before = pointers.get(e.pointerId);
        if (!before) return;
        if (pointers.size === 1) {
          const k = 0.3 / this.scale;
          this.rotation[0] -= (e.clientX - before[0]) * k;
          this.rotation[1] = Math.max(-90, Math.min(90, this.rotation[1] - (e.clientY - before[1]) * k));
          this.later();
        }
        pointers.set(e.pointerId, [e.clientX, e.clientY]);
        if (pointers.size === 2) {
          const [a, b] = [...pointers.values()];
          const now = Math.hypot(a[0] - b[0], a[1] - b[1]);
          if (spread) this.zoom(now / spread);
          spread = now;
        }
      });
      this.svg.node().addEventListener("wheel", (e) => {
        if (!e.ctrlKey && !this.svg.node().matches(":focus")) return;
        e.preventDefault();
        this.zoom(e.deltaY < 0 ? 1.2 : 1 / 1.2);
      }, { passive: false });
      this.svg.on("keydown", (e) => {
        const step = 12 / this.scale;
        const move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[e.key];
        if (move) { this.rotation[0] += move[0]; this.rotation[1] += move[1]; this.draw(); e.preventDefault(); }
        if (e.key === "+") this.zoom(1.5);
        if (e.key === "-") this.zoom(1 / 1.5);
      });
    }
    later() {
      if (this.waiting) return;
      this.waiting = true;
      requestAnimationFrame(() => { this.waiting = false; this.draw(); });
    }
    visible(point) {
      const centre = [-this.rotation[0], -this.rotation[1]];
      return d3.geoDistance(point, centre) < Math.PI / 2 - 0.02;
    }
    draw() {
      const radius = RADIUS * this.scale;
      this.projection.scale(radius).rotate(this.rotation);
      const outside = this.scale > 1.02;
      this.projection.clipExtent(outside ? [[0, 0], [SIZE, SIZE]] : null);
      this.sea.attr("r", Math.min(radius, SIZE));
      const step = this.scale > 8 ? 5 : this.scale > 3 ? 10 : 30;
      const graticule = d3.geoGraticule().step([step >= 30 ? 30 : step * 1.5, step]);
      this.gridPath.attr("d", this.path(graticule()));
      this.equator.attr("d", this.path({ type: "LineString", coordinates: d3.range(0, 361, 5).map((x) => [x, 0]) }));
      const dec0 = Math.abs(this.rotation[1]) > 60 ? -Math.sign(this.rotation[1]) * 60 : 0;
      const marks = d3.range(0, 24, 3).map((h) => ({ text: `${h}h`, at: [h * 15, dec0] }))
        .concat(d3.range(-60, 90, 30).filter((d) => d).map((d) => ({ text: `${d > 0 ? "+" : "\u2212"}${Math.abs(d)}\u00b0`, at: [Math.round(-this.rotation[0] / 45) * 45 + 22.5, d] })));
      this.labels.selectAll("text").data(marks.filter((m) => this.visible(m.at))).join("text").attr("class", "lab")
        .text((m) => m.text).attr("x", (m) => this.projection(m.at)[0]).attr("y", (m) => this.projection(m.at)[1] - 3);
      this.contourLayer.selectAll("path").data(this.contours).join("path")
        .attr("class", (f) => `contour c${levelOf(f) > 70 ? 90 : 50}`).attr("d", this.path);
      this.tileLayer.selectAll("path").data(this.tiles).join("path")
        .attr("class", (f) => this.tileClass(f)).attr("d", this.path)
        .on("pointerenter", (_, f) => this.tip.text(this.describe(f))).on("pointerleave", () => this.tip.text(""));
      this.pointLayer.selectAll("circle").data(this.points.filter((p) => this.visible([p.ra_deg, p.dec_deg]))).join("circle")
        .attr("class", "spot").attr("r", 5).attr("cx", (p) => this.projection([p.ra_deg, p.dec_deg])[0])
        .attr("cy", (p) => this.projection([p.ra_deg, p.dec_deg])[1])
        .on("pointerenter", (_, p) => this.tip.text(p.name)).on("pointerleave", () => this.tip.text(""));
      const seen = this.root.dataset.ra !== undefined && this.visible([this.ra, this.dec]);
      this.peak.attr("display", seen ? null : "none");
      if (seen) this.peak.attr("transform", `translate(${this.projection([this.ra, this.dec])})`);
    }
    // in a play-back: what is not observed yet is an outline, what is being observed stands out
    tileClass(feature) {
      const p = feature.properties ?? {};
      if (p.executed) return "tile done";
      if (!this.moment) return "tile";
      const seen = this.moment.seen.get(p.order) ?? 0;
      return `tile${p.order === this.moment.current ? " now" : seen ? " seen" : " ahead"}`;
    }
    play(moment) { this.moment = moment; this.draw(); }
    describe(feature) {
      const p = feature.properties ?? {};
      const parts = [];
      if (p.field_id !== undefined && p.field_id !== null) parts.push(`Field ${p.field_id}`);
      if (p.ra_deg !== undefined) parts.push(`RA ${Number(p.ra_deg).toFixed(3)}\u00b0, dec ${Number(p.dec_deg).toFixed(3)}\u00b0`);
      const filters = p.filters ?? p.filter;
      if (filters) parts.push(Array.isArray(filters) ? filters.join(" ") : filters);
      if (p.probability !== undefined) parts.push(`${(100 * p.probability).toFixed(1)} %`);
      const depths = p.references ?? p.reference_depths ?? p.reference_mag;
      if (depths) parts.push(`reference ${typeof depths === "object" ? Object.entries(depths).map(([f, d]) => `${f} ${d ?? "none"}`).join(", ") : depths}`);
      return parts.join(" · ") || "Tile";
    }
    // how far to zoom so that the 90 % region fills the globe
    frame() {
      const line = this.contours.flatMap((f) => {
        const c = f.geometry.coordinates;
        return { LineString: c, MultiLineString: c.flat(), Polygon: c.flat(), MultiPolygon: c.flat(2) }[f.geometry.type] ?? [];
      });
      if (!line.length) return;
      const reach = d3.max(line, (p) => d3.geoDistance(p, [this.ra, this.dec]));
      this.fit = reach < 0.7 ? Math.min(12, 0.8 / Math.sin(Math.max(reach, 0.02))) : 1;
      this.fit = Math.max(1, this.fit);
    }
    async start() {
      const { contours, points, tiles } = this.root.dataset;
      try {
        if (contours) { this.contours = outlines(await load(contours)); this.frame(); this.home(); }
        if (points) { this.points = await load(points).then((d) => d.items ?? d); this.draw(); }
        if (tiles) await this.show(tiles);
        this.root.dataset.ready = "1";
      } catch (error) {
        this.tip.text(error.message);
        this.root.dataset.ready = "failed";
      }
    }
    async show(url) {
      this.url = url;
      try {
        const doc = await load(url);
        if (this.url === url) { this.tiles = features(doc); this.tip.text(""); this.draw(); }
      } catch (error) { this.tip.text(error.message); }
    }
  }

  const globes = new WeakMap();
  function start() {
    for (const root of document.querySelectorAll(".globe:not([data-started])")) {
      root.dataset.started = "1";
      const globe = new Globe(root);
      globes.set(root, globe);
      globe.start();
    }
  }
  document.addEventListener("plan:moment", (event) => {
    const root = document.querySelector(".globe");
    if (root) globes.get(root)?.play(event.detail);
  });
  document.addEventListener("globe:tiles", (event) => {
    const root = document.querySelector(".globe");
    if (root) globes.get(root)?.show(event.detail.url);
  });

  document.addEventListener("DOMContentLoaded", start);
  document.addEventListener("htmx:afterSwap", start);
  window.Sky = { features, outlines, levelOf, load };
})();
