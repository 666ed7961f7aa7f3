"use strict";
// The desk's map: the City's ground for the box that is seen, what an answer or a finding shows on it, and a parcel that is taken.
// Feet east and north; drawn on a canvas; by mouse, wheel, fingers and keys. No library.
window.deskMaps = [];
document.addEventListener("DOMContentLoaded", () => { for (const box of document.querySelectorAll(".mapbox")) window.deskMaps.push(deskMap(box)); });

function deskMap(box) {
  const canvas = box.querySelector("canvas.map"), pen = canvas.getContext("2d"), legend = box.querySelector(".legend");
  const home = JSON.parse(box.dataset.extent), view = { e: 0, n: 0, scale: 1 }; // scale: pixels a foot
  let follow = null; // what is looked at until somebody moves the map: it stays in sight when the window changes
  let base = { layers: {}, shade: null }, over = [], chosen = null, marks = [], asked = 0, waiting = 0, timer = 0;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;

  function unpack(packed, step, origin) {
    const shapes = Array.from({ length: packed.count }, () => ({ paths: [], box: [Infinity, Infinity, -Infinity, -Infinity] }));
    let at = 0;
    packed.lengths.forEach((length, i) => {
      const run = new Float64Array(2 * length), shape = shapes[packed.of[i]];
      let e = 0, n = 0;
      for (let k = 0; k < run.length; k += 2) {
        e += packed.steps[at++]; n += packed.steps[at++];
        run[k] = origin[0] + e * step; run[k + 1] = origin[1] + n * step;
        shape.box[0] = Math.min(shape.box[0], run[k]); shape.box[1] = Math.min(shape.box[1], run[k + 1]);
        shape.box[2] = Math.max(shape.box[2], run[k]); shape.box[3] = Math.max(shape.box[3], run[k + 1]);
      }
      shape.paths.push({ kind: packed.kind[i], run });
    });
    return shapes;
  }
  const paper = (e, n) => [(e - view.e) * view.scale + canvas.clientWidth / 2, canvas.clientHeight / 2 - (n - view.n) * view.scale];
  const world = (x, y) => [view.e + (x - canvas.clientWidth / 2) / view.scale, view.n + (canvas.clientHeight / 2 - y) / view.scale];
  const fit = (to) => Math.min(canvas.clientWidth / Math.max(to[2] - to[0], 1), canvas.clientHeight / Math.max(to[3] - to[1], 1));
  function look(to, room = 0.9, largest = 4) {
    follow = { to, room, largest };
    view.e = (to[0] + to[2]) / 2; view.n = (to[1] + to[3]) / 2;
    view.scale = Math.min(fit(to) * room, largest);
    changed();
  }
  function changed() { draw(); clearTimeout(timer); timer = setTimeout(fetchBase, 90); }
  async function fetchBase() {
    const wide = canvas.clientWidth, high = canvas.clientHeight;
    if (!wide) return;
    const [w, s] = world(-wide * 0.25, high * 1.25), [e, n] = world(wide * 1.25, -high * 0.25), mine = ++asked;
    try {
      const reply = await fetch(`/ground?box=${[w, s, e, n].map((v) => v.toFixed(2))}&px=${Math.round(wide * 1.5)}`);
      if (!reply.ok) return;
      const got = await reply.json();
      if (mine !== asked) return; // a later look is on its way
      const layers = {};
      for (const [name, packed] of Object.entries(got.layers)) {
        layers[name] = unpack(packed, got.step, got.origin);
        if (packed.label) layers[name].forEach((shape, i) => { shape.label = packed.label[i]; });
      }
      base = { layers, shade: { ...got.shade, step: got.step, origin: got.origin } };
      box.dataset.ready = String(mine);
      draw();
    } catch { /* the desk is closed; what is drawn stays */ }
  }
  const draw = () => { waiting = waiting || requestAnimationFrame(paint); };
  function trace(shape) {
    pen.beginPath();
    for (const { kind, run } of shape.paths) {
      if (kind === 0) { const [x, y] = paper(run[0], run[1]); pen.moveTo(x + 4, y); pen.arc(x, y, 4, 0, 7); continue; }
      for (let k = 0; k < run.length; k += 2) { const [x, y] = paper(run[k], run[k + 1]); if (k) pen.lineTo(x, y); else pen.moveTo(x, y); }
      if (kind === 2) pen.closePath();
    }
  }
  function paint() {
    waiting = 0;
    const ratio = window.devicePixelRatio || 1, wide = canvas.clientWidth, high = canvas.clientHeight;
    if (!wide) return;
    if (canvas.width !== Math.round(wide * ratio) || canvas.height !== Math.round(high * ratio)) { canvas.width = Math.round(wide * ratio); canvas.height = Math.round(high * ratio); }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = colour("ground"); pen.fillRect(0, 0, wide, high);
    const [w, s] = world(0, high), [e, n] = world(wide, 0);
    const seen = (shape) => shape.box[0] <= e && shape.box[2] >= w && shape.box[1] <= n && shape.box[3] >= s;
    if (base.shade) {
      const { cells, size, step, origin } = base.shade, side = size * step * view.scale;
      pen.fillStyle = colour("shade");
      for (let k = 0; k < cells.length; k += 2) { const [x, y] = paper(origin[0] + cells[k] * size * step, origin[1] + (cells[k + 1] + 1) * size * step); pen.fillRect(x, y, side + 0.4, side + 0.4); }
    }
    pen.lineJoin = "round";
    pen.fillStyle = colour("street");
    for (const shape of (base.layers.right_of_way || []).filter(seen)) { trace(shape); pen.fill("evenodd"); }
    pen.fillStyle = colour("lot"); pen.strokeStyle = colour("lot-edge"); pen.lineWidth = 0.7;
    const lots = (base.layers.parcel || []).filter(seen);
    for (const shape of lots) { trace(shape); pen.fill("evenodd"); pen.stroke(); }
    pen.strokeStyle = colour("centre"); pen.lineWidth = 0.8; pen.setLineDash([6, 4]);
    if (view.scale > 0.08) for (const shape of (base.layers.street_centerline || []).filter(seen)) { trace(shape); pen.stroke(); }
    pen.setLineDash([]);
    for (const layer of over) {
      for (const shape of layer.shapes.filter(seen)) {
        trace(shape);
        if (layer.fill && shape.paths.some((path) => path.kind !== 1)) { pen.globalAlpha = dark() ? 0.55 : 0.72; pen.fillStyle = layer.fill; pen.fill("evenodd"); pen.globalAlpha = 1; }
        if (layer.line) { pen.strokeStyle = bright(layer.line); pen.lineWidth = Math.max(0.8, layer.width * 1.6); pen.setLineDash(layer.dash.map((d) => d * 1.4)); pen.stroke(); pen.setLineDash([]); }
      }
    }
    if (chosen) { pen.strokeStyle = colour("pick"); pen.lineWidth = 2.5; const [x, y] = paper(chosen[0], chosen[3]), [x2, y2] = paper(chosen[2], chosen[1]); pen.strokeRect(x - 3, y - 3, x2 - x + 6, y2 - y + 6); }
    pen.font = "12px system-ui, sans-serif"; pen.textAlign = "center"; pen.textBaseline = "middle"; pen.lineWidth = 3; pen.strokeStyle = colour("halo"); pen.fillStyle = colour("label");
    const taken = [];
    for (const shape of lots) {
      if (!shape.label || (shape.box[2] - shape.box[0]) * view.scale < pen.measureText(shape.label).width + 4 || (shape.box[3] - shape.box[1]) * view.scale < 16) continue;
      const [x, y] = paper((shape.box[0] + shape.box[2]) / 2, (shape.box[1] + shape.box[3]) / 2);
      const half = pen.measureText(shape.label).width / 2 + 3;
      if (taken.some(([a, b, c]) => Math.abs(a - x) < half + c && Math.abs(b - y) < 15)) continue;
      taken.push([x, y, half]);
      pen.strokeText(shape.label, x, y); pen.fillText(shape.label, x, y);
    }
    for (const mark of marks) {
      const [x, y] = paper(...mark.at);
      pen.fillStyle = colour(mark.severity); pen.strokeStyle = colour("halo"); pen.lineWidth = 1.5;
      pen.beginPath(); pen.arc(x, y, mark.chosen ? 6 : 4, 0, 7); pen.fill(); pen.stroke();
      if (mark.chosen) { pen.strokeStyle = colour("ink"); pen.lineWidth = 2; pen.beginPath(); pen.arc(x, y, 12, 0, 7); pen.stroke(); }
    }
    furniture(wide, high);
  }
  const bright = (line) => { // a dark line on the dark map is drawn lighter
    if (!dark()) return line;
    const parts = [1, 3, 5].map((k) => parseInt(line.slice(k, k + 2), 16));
    return parts.some(Number.isNaN) ? line : `rgb(${parts.map((p) => Math.round(p + (255 - p) * 0.45)).join(" ")})`;
  };
  function furniture(wide, high) {
    const third = wide / view.scale / 3.5, unit = third >= 5280 ? 5280 : 1, power = 10 ** Math.floor(Math.log10(third / unit));
    const round = ([5, 2, 1].find((k) => k * power <= third / unit) || 1) * power, length = round * unit * view.scale;
    const said = `${(+round.toPrecision(3)).toLocaleString("en-US")} ${unit > 1 ? "mi" : "ft"}`;
    const clear = () => { pen.globalAlpha = 0.85; pen.fillStyle = colour("paper"); };
    clear(); pen.fillRect(8, high - 38, length + 22, 30); pen.fillRect(8, 8, 26, 40); pen.globalAlpha = 1;
    pen.strokeStyle = pen.fillStyle = colour("ink"); pen.lineWidth = 1.5;
    pen.beginPath(); pen.moveTo(19, high - 19); pen.lineTo(19, high - 13); pen.lineTo(19 + length, high - 13); pen.lineTo(19 + length, high - 19); pen.stroke();
    pen.font = "12px system-ui, sans-serif"; pen.textAlign = "center"; pen.textBaseline = "alphabetic"; pen.fillText(said, 19 + length / 2, high - 20);
    pen.fillText("N", 21, 22); pen.beginPath(); pen.moveTo(21, 26); pen.lineTo(26, 43); pen.lineTo(21, 39); pen.lineTo(16, 43); pen.closePath(); pen.fill();
  }
  function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    if (!factor) { look(home); return; }
    const [e, n] = world(x, y);
    follow = null;
    view.scale = Math.max(fit(home) / 8, Math.min(view.scale * factor, 40));
    const [e2, n2] = world(x, y);
    view.e += e - e2; view.n += n - n2;
    changed();
  }
  function pan(x, y) { follow = null; view.e -= x / view.scale; view.n += y / view.scale; changed(); }
  async function take(x, y) {
    const [e, n] = world(x, y);
    if (box.dataset.marks) {
      const near = marks.map((mark) => { const [mx, my] = paper(...mark.at); return { mark, far: Math.hypot(mx - x, my - y) }; }).sort((a, b) => a.far - b.far)[0];
      if (near && near.far < 14) box.dispatchEvent(new CustomEvent("mark", { detail: near.mark, bubbles: true }));
    }
    if (!box.dataset.pick) return;
    const reply = await fetch(`/parcel?at=${e.toFixed(3)},${n.toFixed(3)}`);
    if (reply.ok) box.dispatchEvent(new CustomEvent("pick", { detail: (await reply.json())[0] || null, bubbles: true }));
  }
  canvas.addEventListener("wheel", (event) => {
    if (document.activeElement !== canvas && !event.ctrlKey) return; // a page that is scrolled past keeps scrolling
    event.preventDefault(); zoom(1.0015 ** -event.deltaY, event.offsetX, event.offsetY);
  }, { passive: false });
  const fingers = new Map(); let moved = 0;
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); fingers.set(event.pointerId, [event.offsetX, event.offsetY]); if (fingers.size === 1) moved = 0; });
  canvas.addEventListener("pointermove", (event) => {
    const from = fingers.get(event.pointerId); if (!from) return;
    const to = [event.offsetX, event.offsetY];
    if (fingers.size === 2) {
      const [other] = [...fingers].filter(([id]) => id !== event.pointerId).map(([, at]) => at), apart = (a) => Math.hypot(a[0] - other[0], a[1] - other[1]);
      zoom(apart(to) / Math.max(apart(from), 1), other[0], other[1]); moved = 99;
    } else { moved += Math.abs(to[0] - from[0]) + Math.abs(to[1] - from[1]); if (moved > 4) pan(to[0] - from[0], to[1] - from[1]); }
    fingers.set(event.pointerId, to);
  });
  const lift = (event) => { if (fingers.delete(event.pointerId) && event.type === "pointerup" && moved <= 4) take(event.offsetX, event.offsetY); };
  canvas.addEventListener("pointerup", lift); canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("keydown", (event) => {
    const far = event.shiftKey ? 200 : 60, way = { ArrowLeft: [far, 0], ArrowRight: [-far, 0], ArrowUp: [0, far], ArrowDown: [0, -far] }[event.key];
    if (way) pan(...way); else if (event.key === "+" || event.key === "=") zoom(1.5); else if (event.key === "-") zoom(1 / 1.5); else if (event.key === "0" || event.key === "Home") look(home);
    else if (event.key === "Enter") take(canvas.clientWidth / 2, canvas.clientHeight / 2); else return;
    event.preventDefault();
  });
  for (const button of box.querySelectorAll("[data-zoom]")) button.addEventListener("click", () => zoom(+button.dataset.zoom));
  async function overlay(path) {
    const reply = await fetch(path); if (!reply.ok) return;
    over = (await reply.json()).map((layer) => ({ ...layer, shapes: unpack(layer, layer.step, layer.origin) }));
    const wide = 2 * (home[2] - home[0]), high = 2 * (home[3] - home[1]); // what strayed far from the City would make a dot of the rest
    const near = ({ box: b }) => b[0] < home[2] + wide && b[2] > home[0] - wide && b[1] < home[3] + high && b[3] > home[1] - high;
    for (const layer of over) layer.far = layer.shapes.filter((shape) => !near(shape)).length;
    const there = over.flatMap((layer) => layer.shapes);
    const all = (there.some(near) ? there.filter(near) : there).reduce((sum, { box: b }) => [Math.min(sum[0], b[0]), Math.min(sum[1], b[1]), Math.max(sum[2], b[2]), Math.max(sum[3], b[3])], [Infinity, Infinity, -Infinity, -Infinity]);
    legend.replaceChildren(...over.map((layer) => {
      const item = document.createElement("li"), swatch = document.createElement("canvas"), ink = swatch.getContext("2d");
      swatch.width = 52; swatch.height = 28;
      if (layer.fill) { ink.globalAlpha = 0.8; ink.fillStyle = layer.fill; ink.fillRect(2, 2, 48, 24); ink.globalAlpha = 1; }
      if (layer.line) { ink.strokeStyle = bright(layer.line); ink.lineWidth = 3; ink.setLineDash(layer.dash.map((d) => d * 2)); if (layer.fill) ink.strokeRect(2, 2, 48, 24); else { ink.beginPath(); ink.moveTo(0, 14); ink.lineTo(52, 14); ink.stroke(); } }
      item.append(swatch, layer.legend + (layer.left ? ` (${layer.left.toLocaleString("en-US")} more are not drawn)` : "") + (layer.far ? ` (${layer.far} far outside the City)` : ""));
      return item;
    }));
    box.dataset.drawn = String(over.reduce((sum, layer) => sum + layer.shapes.length, 0));
    if (all[0] < all[2] || all[1] < all[3] || Number.isFinite(all[0])) look(all, 0.85, 2); else draw();
  }
  new ResizeObserver(() => { if (follow) look(follow.to, follow.room, follow.largest); else changed(); }).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  look(home);
  if (box.dataset.ground) overlay(box.dataset.ground);
  return {
    look, world, paper, canvas, box,
    choose(to, go = true) { chosen = to; if (to && go) { const wide = Math.max(to[2] - to[0], to[3] - to[1]) * 3; look([(to[0] + to[2] - wide) / 2, (to[1] + to[3] - wide) / 2, (to[0] + to[2] + wide) / 2, (to[1] + to[3] + wide) / 2], 0.9, 3); } else draw(); },
    mark(list) { marks = list; draw(); },
  };
}
