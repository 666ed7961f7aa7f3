"use strict";
// The page's findings on a map, in a list and one by one, and the exceptions that a person grants. No library, no network.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const { rows, atlas, words } = data;
  const SEVERITIES = ["error", "review", "info"];
  const COLORS = { error: "#b3261e", review: "#8a5200", info: "#1f5f99" };
  const PAGE = 200;
  const count = rows.id.length;

  // ---- geometry: base-128 numbers in base 64, steps from vertex to vertex
  function numbers(text) {
    const raw = atob(text), out = [];
    let value = 0, power = 1;
    for (let i = 0; i < raw.length; i++) {
      const byte = raw.charCodeAt(i);
      value += (byte & 127) * power;
      if (byte < 128) { out.push(value); value = 0; power = 1; } else power *= 128;
    }
    return out;
  }
  function unpack(packed) {
    const parts = numbers(packed.parts), lengths = numbers(packed.lengths), steps = numbers(packed.steps);
    const shapes = [];
    let line = 0, step = 0;
    for (let i = 0; i < parts.length; i++) {
      let e = 0, n = 0;
      const shape = { lines: [], filled: packed.filled[i] === 1, bounds: [Infinity, Infinity, -Infinity, -Infinity] };
      for (let part = 0; part < parts[i]; part++) {
        const run = new Float64Array(2 * lengths[line++]);
        for (let k = 0; k < run.length; k += 2) {
          const a = steps[step++], b = steps[step++];
          e += a % 2 ? -(a + 1) / 2 : a / 2;
          n += b % 2 ? -(b + 1) / 2 : b / 2;
          run[k] = e * atlas.resolution;
          run[k + 1] = n * atlas.resolution;
          const box = shape.bounds;
          box[0] = Math.min(box[0], run[k]); box[1] = Math.min(box[1], run[k + 1]);
          box[2] = Math.max(box[2], run[k]); box[3] = Math.max(box[3], run[k + 1]);
        }
        shape.lines.push(run);
      }
      shapes.push(shape);
    }
    return shapes;
  }
  const places = unpack(atlas.places), ground = unpack(atlas.shapes);
  ground.forEach((shape, i) => { shape.layer = atlas.layers[atlas.layer[i]]; shape.called = atlas.called[i]; });
  const meets = (a, b) => a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3];
  const middle = (box) => [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
  const placed = (i) => places[i].lines.length > 0;

  /** A point inside a shape and a window, where the shape is widest of some levels; null where they do not meet. */
  function inside(shape, box) {
    const south = Math.max(shape.bounds[1], box[1]), north = Math.min(shape.bounds[3], box[3]);
    if (!meets(shape.bounds, box)) return null;
    let best = null;
    for (const share of [0.5, 0.3, 0.7, 0.15, 0.85, 0.05, 0.95]) {
      const level = south + (north - south) * share + 1e-7, cuts = [];
      for (const run of shape.lines) {
        for (let k = 0; k + 3 < run.length; k += 2) {
          const low = run[k + 1], high = run[k + 3];
          if ((low <= level) !== (high <= level)) cuts.push(run[k] + ((level - low) / (high - low)) * (run[k + 2] - run[k]));
        }
      }
      cuts.sort((a, b) => a - b);
      for (let k = 0; k + 1 < cuts.length; k += 2) {
        const west = Math.max(cuts[k], box[0]), east = Math.min(cuts[k + 1], box[2]);
        if (east >= west && (!best || east - west > best.wide * 1.5)) best = { e: (west + east) / 2, n: level, wide: east - west };
      }
    }
    return best;
  }

  // ---- what the findings say
  const layerOf = (i) => words[rows.layer[i]], codeOf = (i) => data.groups[rows.group[i]].code;
  const severityOf = (i) => SEVERITIES[rows.severity[i]];
  const known = rows.id.map((_, i) => [codeOf(i), words[rows.rule[i]], layerOf(i), rows.feature[i], rows.other[i], rows.message[i], rows.source_ref[i]]
    .filter(Boolean).join(" ").toLowerCase());
  const accepted = new Map();
  let shown = [], listed = PAGE, selected = -1, unsaved = false;

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }
  const numbered = (n, noun) => `${n.toLocaleString("en-US")} ${noun}${n === 1 ? "" : "s"}`;
  const nameOf = (i) => (rows.feature[i] || "whole layer") + (rows.other[i] ? ` and ${rows.other[i]}` : "");

  // ---- the filter
  const controls = { text: at("f-text"), rule: at("f-rule"), layer: at("f-layer"), cause: at("f-cause"), standing: at("f-standing"), state: at("f-state") };
  function options(select, column, label) {
    if (!select) return;
    const seen = new Map();
    column.forEach((value) => { if (value !== null && value >= 0) seen.set(value, (seen.get(value) || 0) + 1); });
    for (const [value, n] of [...seen].sort((a, b) => (label(a[0]) < label(b[0]) ? -1 : 1))) {
      select.append(element("option", { value }, `${label(value)} (${n.toLocaleString("en-US")})`));
    }
  }
  options(controls.rule, rows.group, (k) => `${data.groups[k].code} ${data.groups[k].title}`);
  options(controls.layer, rows.layer, (k) => words[k]);
  options(controls.standing, rows.standing, (k) => words[k]);
  if (controls.cause) {
    data.causes.forEach((said, k) => controls.cause.append(element("option", { value: k }, `${k + 1}. ${said}`)));
  }
  function passes(i, wanted) {
    return wanted.severity.has(severityOf(i))
      && (wanted.rule === "" || rows.group[i] === +wanted.rule)
      && (wanted.layer === "" || rows.layer[i] === +wanted.layer)
      && (wanted.cause === "" || rows.cause[i] === +wanted.cause)
      && (wanted.standing === "" || rows.standing[i] === +wanted.standing)
      && (wanted.state === "" || accepted.has(rows.id[i]) === (wanted.state === "accepted"))
      && wanted.text.every((word) => known[i].includes(word));
  }
  function filter() {
    const value = (control) => (control ? control.value : "");
    const wanted = {
      severity: new Set(SEVERITIES.filter((name) => at(`f-${name}`).checked)), rule: value(controls.rule), layer: value(controls.layer),
      cause: value(controls.cause), standing: value(controls.standing), state: value(controls.state),
      text: value(controls.text).toLowerCase().split(/\s+/).filter(Boolean),
    };
    shown = [];
    for (let i = 0; i < count; i++) if (passes(i, wanted)) shown.push(i);
    listed = PAGE;
    at("status").textContent = `${shown.length.toLocaleString("en-US")} of ${numbered(count, "finding")}`;
    at("accept-shown").textContent = `Accept all ${shown.length.toLocaleString("en-US")} in the list`;
    list();
    draw();
  }

  // ---- the list
  const box = at("list");
  function list() {
    box.replaceChildren(...shown.slice(0, listed).map((i) => {
      const row = element("li", { role: "option", id: `r${i}`, "aria-selected": String(i === selected) },
        element("span", { class: `tag ${severityOf(i)}` }, severityOf(i)), element("b", {}, codeOf(i)),
        element("span", { class: "who" }, nameOf(i)), element("span", { class: "what" }, rows.message[i]));
      if (accepted.has(rows.id[i])) row.classList.add("accepted");
      return row;
    }));
    if (shown.length > listed) box.append(element("li", { class: "more", role: "presentation" }, element("button", { type: "button" }, `Show ${Math.min(PAGE, shown.length - listed)} more`)));
    if (!shown.length) box.append(element("li", { class: "none", role: "presentation" }, "No finding is like that."));
    mark();
  }
  function mark() {
    const row = selected >= 0 && at(`r${selected}`);
    if (row) box.setAttribute("aria-activedescendant", row.id); else box.removeAttribute("aria-activedescendant");
  }
  function select(i, { show = true, tell = true } = {}) {
    const before = at(`r${selected}`);
    if (before) before.setAttribute("aria-selected", "false");
    selected = i;
    const position = shown.indexOf(i);
    if (position >= listed) { listed = position + PAGE; list(); }
    const row = at(`r${i}`);
    if (row) {
      row.setAttribute("aria-selected", "true");
      const top = row.offsetTop - box.offsetTop;
      if (top < box.scrollTop || top + row.offsetHeight > box.scrollTop + box.clientHeight) box.scrollTop = top - box.clientHeight / 3;
    }
    mark();
    if (show && placed(i)) look(i);
    detail();
    draw();
    if (tell) history.replaceState(null, "", `#f=${rows.id[i]}`);
  }
  box.addEventListener("click", (event) => {
    const row = event.target.closest("li");
    if (!row) return;
    if (row.id) select(+row.id.slice(1));
    else if (row.classList.contains("more") && event.target.tagName === "BUTTON") { listed += PAGE; list(); }
  });
  box.addEventListener("keydown", (event) => {
    const move = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity }[event.key];
    if (move === undefined || !shown.length || event.target !== box) return;
    event.preventDefault();
    const now = shown.indexOf(selected);
    select(shown[Math.max(0, Math.min(shown.length - 1, now < 0 ? 0 : now + move))]);
  });

  // ---- the map
  const canvas = at("map"), pen = canvas.getContext("2d");
  const home = [atlas.home[0] - atlas.origin[0], atlas.home[1] - atlas.origin[1], atlas.home[2] - atlas.origin[0], atlas.home[3] - atlas.origin[1]];
  const view = { e: 0, n: 0, scale: 1 };
  const whole = () => Math.min(canvas.clientWidth / Math.max(home[2] - home[0], 1), canvas.clientHeight / Math.max(home[3] - home[1], 1)) * 0.92;
  function goHome() { [view.e, view.n] = middle(home); view.scale = whole(); }
  function look(i) {
    [view.e, view.n] = middle(places[i].bounds);
    const near = canvas.clientHeight / Math.max(atlas.windows[i] * 2.5, 1e-6);
    if (view.scale < near / 6 || view.scale > near * 6) view.scale = near;
  }
  const paper = (e, n) => [(e - view.e) * view.scale + canvas.clientWidth / 2, canvas.clientHeight / 2 - (n - view.n) * view.scale];
  const world = (x, y) => [view.e + (x - canvas.clientWidth / 2) / view.scale, view.n + (canvas.clientHeight / 2 - y) / view.scale];
  function trace(shape) {
    for (const run of shape.lines) {
      for (let k = 0; k < run.length; k += 2) {
        const [x, y] = paper(run[k], run[k + 1]);
        if (k) pen.lineTo(x, y); else pen.moveTo(x, y);
      }
    }
  }
  const size = (name) => { const of = ground.filter((shape) => shape.layer === name); return of.reduce((sum, { bounds: [a, b, c, d] }) => sum + (c - a) * (d - b), 0) / of.length; };
  const byArea = atlas.layers.map((name) => [size(name), name]).sort((a, b) => b[0] - a[0]).map(([, name]) => name);  // the small ones on top
  const strata = [true, false].flatMap((filled) => byArea.map((name) => ({ name, filled })));
  const shade = atlas.shade ? numbers(atlas.shade.cells) : [];
  let waiting = 0;
  const draw = () => { waiting = waiting || requestAnimationFrame(paint); };
  function paint() {
    waiting = 0;
    const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    if (!width) return;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = "#fbfbf9";
    pen.fillRect(0, 0, width, height);
    const window_ = [...world(0, height), ...world(width, 0)];
    pen.fillStyle = "#e9e6dd";
    for (let k = 0; k < shade.length; k += 2) {
      const size = atlas.shade.size, [x, y] = paper(home[0] + shade[k] * size, home[1] + (shade[k + 1] + 1) * size);
      pen.fillRect(x, y, size * view.scale + 0.5, size * view.scale + 0.5);
    }
    const seen = ground.filter((shape) => meets(shape.bounds, window_)), single = seen.length < 4000;
    pen.lineWidth = 0.7;
    for (const { name, filled } of strata) {
      pen.strokeStyle = filled ? "#c5bfb2" : "#a7adb5";
      pen.fillStyle = "#eeece5";
      const ink = () => { if (filled) pen.fill("evenodd"); pen.stroke(); };
      pen.beginPath();
      for (const shape of seen) {
        if (shape.layer !== name || shape.filled !== filled) continue;
        const [a, b, c, d] = shape.bounds;
        if (single) pen.beginPath();
        if ((c - a) * view.scale < 1.5 && (d - b) * view.scale < 1.5) { const [x, y] = paper(a, d); pen.rect(x, y, 1, 1); } else trace(shape);
        if (single) ink();
      }
      if (!single) ink();
    }
    const radius = shown.length > 1500 ? 2.6 : 3.6;
    for (let k = shown.length - 1; k >= 0; k--) {
      const i = shown[k];
      if (!placed(i) || !meets(places[i].bounds, window_)) continue;
      const size = Math.max(places[i].bounds[2] - places[i].bounds[0], places[i].bounds[3] - places[i].bounds[1]) * view.scale;
      pen.strokeStyle = pen.fillStyle = COLORS[severityOf(i)];
      pen.globalAlpha = accepted.has(rows.id[i]) ? 0.35 : 0.9;
      if (size > 14) { pen.lineWidth = 1.6; pen.beginPath(); trace(places[i]); pen.stroke(); }
      const [x, y] = paper(...middle(places[i].bounds));
      pen.beginPath(); pen.arc(x, y, radius, 0, 7); pen.fill();
      if (radius > 3) { pen.lineWidth = 1; pen.strokeStyle = "#fff"; pen.stroke(); }
    }
    pen.globalAlpha = 1;
    if (selected >= 0 && placed(selected)) {
      const [x, y] = paper(...middle(places[selected].bounds));
      pen.strokeStyle = "#1d2329"; pen.lineWidth = 2;
      pen.beginPath(); pen.arc(x, y, 10, 0, 7); pen.stroke();
    }
    const bar = ruler(width / view.scale);
    pen.fillStyle = "#ffffffd9"; pen.fillRect(8, height - 36, bar.length * view.scale + 20, 28);
    pen.strokeStyle = pen.fillStyle = "#1d2329"; pen.lineWidth = 1.5;
    pen.beginPath(); pen.moveTo(18, height - 18); pen.lineTo(18, height - 13); pen.lineTo(18 + bar.length * view.scale, height - 13);
    pen.lineTo(18 + bar.length * view.scale, height - 18); pen.stroke();
    pen.font = "12px system-ui, sans-serif"; pen.textAlign = "center";
    pen.fillText(bar.said, 18 + (bar.length * view.scale) / 2, height - 20);
  }
  /** A round length that fills up to a third of some ground, and what to write on it. */
  function ruler(ground_) {
    const third = (ground_ * atlas.feet) / 3, unit = third >= 5280 ? 5280 : 1, step = 10 ** Math.floor(Math.log10(third / unit));
    const feet = unit * ([5, 2, 1].map((k) => k * step).find((each) => each * unit <= third * 1.000001) || step);
    const said = `${(+(feet / unit).toPrecision(3)).toLocaleString("en-US", { maximumFractionDigits: 6 })} ${unit > 1 ? "mi" : "ft"}`;
    return { length: feet / atlas.feet, said };
  }
  function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    const [e, n] = world(x, y);
    view.scale = Math.max(whole() / 8, Math.min(view.scale * factor, 1e5));
    const [e2, n2] = world(x, y);
    view.e += e - e2; view.n += n - n2;
    draw();
  }
  canvas.addEventListener("wheel", (event) => {
    if (document.activeElement !== canvas && !event.ctrlKey) return;  // a page that is scrolled past keeps scrolling
    event.preventDefault();
    zoom(1.0015 ** -event.deltaY, event.offsetX, event.offsetY);
  }, { passive: false });
  const fingers = new Map();
  let travelled = 0;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    travelled = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const from = fingers.get(event.pointerId);
    if (!from) return;
    const other = [...fingers].find(([id]) => id !== event.pointerId);
    const to = [event.offsetX, event.offsetY];
    if (other) {
      const apart = (a) => Math.hypot(a[0] - other[1][0], a[1] - other[1][1]);
      zoom(apart(to) / Math.max(apart(from), 1), (to[0] + other[1][0]) / 2, (to[1] + other[1][1]) / 2);
    } else { view.e -= (to[0] - from[0]) / view.scale; view.n += (to[1] - from[1]) / view.scale; }
    travelled += Math.hypot(to[0] - from[0], to[1] - from[1]);
    fingers.set(event.pointerId, to);
    draw();
  });
  canvas.addEventListener("pointerup", (event) => {
    fingers.delete(event.pointerId);
    if (travelled > 4) return;
    let best = -1, least = 16;
    for (const i of shown) {
      if (!placed(i)) continue;
      const [x, y] = paper(...middle(places[i].bounds)), away = Math.hypot(x - event.offsetX, y - event.offsetY);
      if (away < least) { least = away; best = i; }
    }
    if (best >= 0) select(best, { show: false });
  });
  canvas.addEventListener("pointercancel", (event) => fingers.delete(event.pointerId));
  canvas.addEventListener("keydown", (event) => {
    const step = 60 / view.scale;
    const act = {
      ArrowLeft: () => { view.e -= step; }, ArrowRight: () => { view.e += step; }, ArrowUp: () => { view.n += step; }, ArrowDown: () => { view.n -= step; },
      "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: goHome,
    }[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
    draw();
  });
  at("zoom-in").addEventListener("click", () => zoom(1.6));
  at("zoom-out").addEventListener("click", () => zoom(1 / 1.6));
  at("zoom-home").addEventListener("click", () => { goHome(); draw(); });

  // ---- the picture of one finding
  const WIDTH = 360, HEIGHT = 270;
  function svg(tag, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }
  function picture(i, e, n, high, closeUp) {
    const wide = (high * WIDTH) / HEIGHT, scale = HEIGHT / high;
    const frame = [e - wide / 2, n - high / 2, e + wide / 2, n + high / 2];
    const said = `${codeOf(i)}, ${closeUp ? "close up: " : ""}${rows.message[i]}`;
    const root = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": said });
    const onPaper = (a, b) => [((a - e) * scale + WIDTH / 2).toFixed(1), (HEIGHT / 2 - (b - n) * scale).toFixed(1)];
    const path = (shapes) => shapes.map((shape) => shape.lines.map((run) => {
      let text = "";
      if (run.length === 2) { const [x, y] = onPaper(run[0], run[1]); return `M${x - 2} ${y - 2}h4v4h-4z`; }
      for (let k = 0; k < run.length; k += 2) text += (k ? "L" : "M") + onPaper(run[k], run[k + 1]).join(" ");
      return text;
    }).join("")).join("");
    root.append(svg("rect", { class: "paper", width: WIDTH, height: HEIGHT }));
    const near = ground.filter((shape) => meets(shape.bounds, frame));
    const own = (shape) => shape.layer === layerOf(i), isOne = (shape) => own(shape) && shape.called === rows.feature[i];
    const twin = rows.other[i] !== null && near.some((shape) => own(shape) && shape.called === rows.other[i]);
    const isTwo = (shape) => rows.other[i] !== null && !isOne(shape) && shape.called === rows.other[i] && own(shape) === twin;
    const kind = (shape) => (isOne(shape) ? "feature" : isTwo(shape) ? "other" : own(shape) ? "neighbour" : "behind");
    for (const name of ["neighbour", "behind", "other", "feature"]) {
      for (const filled of [true, false]) {
        const drawn = path(near.filter((shape) => shape.filled === filled && kind(shape) === name));
        if (drawn) root.append(svg("path", filled ? { class: name, d: drawn } : { class: name, d: drawn, "fill-opacity": 0 }));
      }
    }
    const place = places[i];
    const [west, south, east, north_] = place.bounds, small = Math.max(east - west, north_ - south) < wide / 40;
    if (small || place.lines.every((run) => run.length === 2)) {
      for (const [a, b] of small ? [middle(place.bounds)] : place.lines.slice(0, 50)) {
        const [cx, cy] = onPaper(a, b);
        root.append(svg("circle", { class: `defect ${severityOf(i)}`, cx, cy, r: 8 }));
      }
    } else root.append(svg("path", { class: `defect ${severityOf(i)}${codeOf(i)[0] === "T" && place.filled ? " filled" : ""}`, d: path([place]) }));
    if (closeUp) root.append(svg("text", { class: "close", x: 10, y: 20 }, "close up"));
    else {
      names(root, near.filter((shape) => shape.filled && (isOne(shape) || isTwo(shape) || (codeOf(i) === "T02" && !own(shape) && beside(shape, place)))), frame, onPaper);
      const north = svg("g", { class: "north" });
      north.append(svg("path", { d: `M${WIDTH - 18} 10l6 18l-6 -4l-6 4z` }), svg("text", { x: WIDTH - 18, y: 40 }, "N"));
      root.append(north);
    }
    const bar = ruler(wide), size = bar.length * scale, low = HEIGHT - 12, scaleBar = svg("g", { class: "bar" });
    scaleBar.append(svg("rect", { x: 6, y: low - 22, width: size + 16, height: 28 }), svg("path", { d: `M14 ${low - 5}v5h${size.toFixed(1)}v-5` }),
      svg("text", { x: 14 + size / 2, y: low - 8 }, bar.said));
    root.append(scaleBar);
    return root;
  }
  /** Whether a line of a shape runs along a place: one of its vertices lies within a tenth of a foot of the other's outline. */
  function beside(shape, place) {
    const reach = 0.1 / atlas.feet, far = (points, lines) => points.lines.every((run) => {
      for (let k = 0; k < run.length; k += 2) for (const line of lines.lines) for (let j = 0; j + 3 < line.length; j += 2) {
        const [a, b, c, d] = [line[j], line[j + 1], line[j + 2] - line[j], line[j + 3] - line[j + 1]];
        const t = Math.max(0, Math.min(1, ((run[k] - a) * c + (run[k + 1] - b) * d) / (c * c + d * d || 1)));
        if (Math.hypot(run[k] - a - t * c, run[k + 1] - b - t * d) < reach) return false;
      }
      return true;
    });
    const grown = [place.bounds[0] - reach, place.bounds[1] - reach, place.bounds[2] + reach, place.bounds[3] + reach];
    return meets(shape.bounds, grown) && !(far(place, shape) && far(shape, place));
  }
  function names(root, shapes, frame, onPaper) {
    const taken = [];
    for (const shape of shapes.slice(0, 6)) {
      const spot = inside(shape, frame), said = shape.called.length > 24 ? `${shape.called.slice(0, 23)}…` : shape.called;
      if (!spot) continue;
      let [x, y] = onPaper(spot.e, spot.n).map(Number);
      x = Math.min(Math.max(x, 40), WIDTH - 40);
      for (const step of [0, 1, -1, 2, -2, 3, -3]) {
        const line = Math.min(Math.max(y, 16), HEIGHT - 34) + 16 * step;
        if (line < 16 || line > HEIGHT - 34 || taken.some(([a, b, half]) => Math.abs(a - x) < half + said.length * 3.8 && Math.abs(b - line) < 16)) continue;
        taken.push([x, line, said.length * 3.8]);
        root.append(svg("text", { class: "label", x, y: line }, said));
        break;
      }
    }
  }
  function pictures(i) {
    const place = places[i], [e, n] = middle(place.bounds), high = atlas.windows[i], drawn = [picture(i, e, n, high, false)];
    const thin = (high * WIDTH) / HEIGHT / 150;
    if (!place.filled) {  // two corners that stand apart by less than a line is wide
      const apart = words[rows.unit[i]] === "ft" ? rows.measure[i] / atlas.feet : 0, [a, b, c, d] = place.bounds;
      if (apart > 0 && apart < thin && Math.max(c - a, d - b) <= 8 * apart) drawn.push(picture(i, e, n, (apart * 16 * HEIGHT) / WIDTH, true));
      return drawn;
    }
    const rings = place.lines.map((run) => {
      let area = 0, length = 0;
      for (let k = 0; k + 3 < run.length; k += 2) {
        area += (run[k] - run[0]) * (run[k + 3] - run[1]) - (run[k + 2] - run[0]) * (run[k + 1] - run[1]);
        length += Math.hypot(run[k + 2] - run[k], run[k + 3] - run[k + 1]);
      }
      return { run, area: Math.abs(area) / 2, length };
    }).sort((a, b) => b.area - a.area);
    const wide = (2 * rings[0].area) / (rings[0].length || 1), box_ = [-Infinity, Infinity, -Infinity, Infinity];
    for (let k = 0; k < rings[0].run.length; k += 2) { box_[0] = Math.max(box_[0], rings[0].run[k + 1]); box_[1] = Math.min(box_[1], rings[0].run[k + 1]); }
    const one = { lines: [rings[0].run], bounds: [place.bounds[0], box_[1], place.bounds[2], box_[0]] };
    const spot = wide > 0 && wide < thin ? inside(one, one.bounds) : null;
    if (spot) drawn.push(picture(i, spot.e, spot.n, (wide * 16 * HEIGHT) / WIDTH, true));
    return drawn;
  }

  // ---- one finding, and what a person decides about it
  function detail() {
    const i = selected;
    at("detail").hidden = i < 0;
    if (i < 0) return;
    at("d-title").replaceChildren(element("span", { class: "code" }, codeOf(i)), data.groups[rows.group[i]].title, " ", element("span", { class: `tag ${severityOf(i)}` }, severityOf(i)));
    at("d-message").textContent = rows.message[i];
    at("d-remedy").textContent = words[rows.remedy[i]] || "";
    at("d-todo").hidden = !at("d-remedy").textContent;
    const facts = [["Layer", layerOf(i)], ["Feature", nameOf(i)], ["Source row", rows.source_ref[i]], ["Finding", rows.id[i]]];
    if (rows.measure[i] !== null) facts.splice(2, 0, ["Measure", `${rows.measure[i]} ${words[rows.unit[i]] || ""}${rows.tolerance[i] === null ? "" : `, tolerance ${rows.tolerance[i]}`}`]);
    if (placed(i)) { const [e, n] = middle(places[i].bounds); facts.splice(-1, 0, ["Place", `E ${(e + atlas.origin[0]).toFixed(2)}, N ${(n + atlas.origin[1]).toFixed(2)}`]); }
    if (rows.cause[i] >= 0) facts.push(["Cause", data.causes[rows.cause[i]]]);
    at("d-facts").replaceChildren(...facts.filter(([, said]) => said).flatMap(([name, said]) => [element("dt", {}, name), element("dd", {}, String(said))]));
    at("d-pictures").replaceChildren(...(placed(i) ? pictures(i).map((drawn) => { const made = element("figure"); made.append(drawn); return made; }) : [element("p", { class: "note" }, "It has no place on the map.")]));
    at("d-outside").hidden = !placed(i) || i < atlas.pictured;
    const granted = accepted.get(rows.id[i]);
    at("withdraw").hidden = !granted;
    at("accept-one").textContent = granted ? "Change the reason" : "Accept this finding";
    at("d-granted").textContent = granted ? `Accepted by ${granted.accepted_by}: ${granted.reason}` : "";
  }
  function today() {
    const now = new Date(), two = (value) => String(value).padStart(2, "0");
    return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  }
  function accept(which) {
    const reason = at("reason").value.trim(), by = at("by").value.trim(), until = at("until").value;
    for (const [field, value] of [["reason", reason], ["by", by]]) {
      at(field).setAttribute("aria-invalid", String(!value));
    }
    at("missing").textContent = reason && by ? "" : "An exception needs a reason and the name of the one who grants it.";
    if (!reason || !by) { at(reason ? "by" : "reason").focus(); return; }
    const settled = which.filter((i) => rows.feature[i] !== null || placed(i));  // the others speak of the delivery, not of the ground
    if (settled.length < which.length) at("missing").textContent = `${numbered(which.length - settled.length, "finding")} on a delivery as a whole cannot be accepted here: citygis load --accept CODE=reason.`;
    for (const i of settled) {
      accepted.set(rows.id[i], { finding_id: rows.id[i], code: codeOf(i), layer: layerOf(i), feature: rows.feature[i], other: rows.other[i], reason, accepted_by: by, accepted_on: today(), ...(until && { until }) });
    }
    unsaved = unsaved || settled.length > 0;
    saved();
  }
  function saved() {
    at("basket").hidden = !accepted.size;
    at("granted").textContent = `${numbered(accepted.size, "exception")}${unsaved ? ", not saved yet" : ", saved"}`;
    filter();
    detail();
  }
  at("accept-one").addEventListener("click", () => selected >= 0 && accept([selected]));
  at("accept-shown").addEventListener("click", () => accept(shown));
  at("withdraw").addEventListener("click", () => { accepted.delete(rows.id[selected]); unsaved = accepted.size > 0; saved(); });
  at("download").addEventListener("click", () => {
    const order = rows.id.filter((id) => accepted.has(id)).map((id) => accepted.get(id));
    const address = URL.createObjectURL(new Blob([`${JSON.stringify(order, null, 1)}\n`], { type: "application/json" }));
    element("a", { href: address, download: "exceptions.json" }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
    unsaved = false;
    saved();
  });
  window.addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });

  // ---- begin
  document.documentElement.classList.add("scripted");
  at("explorer").hidden = false;
  for (const each of Object.values(controls)) if (each) each.addEventListener("input", filter);
  for (const name of SEVERITIES) at(`f-${name}`).addEventListener("change", filter);
  at("reset").addEventListener("click", () => {
    for (const each of Object.values(controls)) if (each) each.value = "";
    for (const name of SEVERITIES) at(`f-${name}`).checked = true;
    filter();
  });
  for (const button of document.querySelectorAll("button[data-cause]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      controls.cause.value = button.dataset.cause;
      filter();
      if (shown.length) select(shown[0]);
      at("explorer").scrollIntoView();
    });
  }
  new ResizeObserver(draw).observe(canvas);
  goHome();
  filter();
  function asked() {
    const said = /^#f=(.+)$/.exec(location.hash);
    return said ? rows.id.indexOf(said[1]) : -1;
  }
  window.addEventListener("hashchange", () => { if (asked() >= 0) select(asked(), { tell: false }); });
  const first = Math.max(rows.id.findIndex((_, i) => placed(i)), 0);
  if (asked() >= 0) select(asked(), { tell: false }); else select(first, { show: false, tell: false });
})();
