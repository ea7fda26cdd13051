// Places on the picture: their colours, their shapes, and how much of a look falls into them.

import { state } from "./state.js";

export const FIRST_SHAPE = 100;
export const FIRST_SPOT = 1000;
const COLOURS = 8;

// Names of CSS variables, so that a change of theme reaches everything.
export function colourOf(id) {
  if (id === null || id === undefined) return null;
  if (id >= FIRST_SPOT) return "--rs";
  const place = id >= FIRST_SHAPE ? (state.picture?.panels.length ?? 0) + id - FIRST_SHAPE : id;
  return `--r${place % COLOURS}`;
}

export function solid(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name ?? "--edge").trim();
}

export function labelOf(id) {
  if (id === null || id === undefined) return "unsteered";
  if (id >= FIRST_SPOT) return "spotlight";
  if (id >= FIRST_SHAPE) return `shape ${"ABCDEFGHIJKLMNOPQRSTUVWXYZ"[(id - FIRST_SHAPE) % 26]}`;
  return state.picture?.names[id] ?? `panel ${id + 1}`;
}

export function targetOf(id) {
  if (id === null || id === undefined) return null;
  return id < FIRST_SHAPE ? { kind: "panel", index: id } : (state.targets.get(id) ?? null);
}

// All regions that stay on the picture, as {id, target}.
export function regions() {
  const panels = (state.picture?.panels ?? []).map((_, id) => ({ id, target: { kind: "panel", index: id } }));
  return [...panels, ...state.shapes];
}

export function boxOf(target) {
  if (target.kind === "panel") return state.picture.panels[target.index];
  return [target.x0, target.y0, target.x1, target.y1];
}

export function contains(target, x, y) {
  if (target.kind === "panel" || target.kind === "box") {
    const [x0, y0, x1, y1] = boxOf(target);
    return x0 <= x && x < x1 && y0 <= y && y < y1;
  }
  if (target.kind === "spot") {
    const wide = state.picture.width / state.picture.height;
    return Math.hypot((x - target.x) * wide, y - target.y) <= target.radius;
  }
  const row = Math.min(target.rows - 1, Math.floor(y * target.rows));
  const col = Math.min(target.cols - 1, Math.floor(x * target.cols));
  return bits(target)[row * target.cols + col] === 1;
}

const unpacked = new WeakMap();

export function bits(target) {
  if (!unpacked.has(target)) {
    const bytes = Uint8Array.from(atob(target.bits), (c) => c.charCodeAt(0));
    const found = new Uint8Array(target.rows * target.cols);
    for (let i = 0; i < found.length; i++) found[i] = (bytes[i >> 3] >> (7 - (i & 7))) & 1;
    unpacked.set(target, found);
  }
  return unpacked.get(target);
}

export function packed(cells, rows, cols) {
  const bytes = new Uint8Array(Math.ceil((rows * cols) / 8));
  cells.forEach((on, i) => {
    if (on) bytes[i >> 3] |= 128 >> (i & 7);
  });
  return { kind: "mask", rows, cols, bits: btoa(String.fromCharCode(...bytes)) };
}

// Left, top, right, bottom of each cell of a look, in its order.
export function cells(views = state.views) {
  const found = [];
  for (const [rows, cols, x0, y0, x1, y1] of views) {
    for (let row = 0; row < rows; row++) {
      for (let col = 0; col < cols; col++) {
        found.push([
          x0 + ((x1 - x0) * col) / cols, y0 + ((y1 - y0) * row) / rows,
          x0 + ((x1 - x0) * (col + 1)) / cols, y0 + ((y1 - y0) * (row + 1)) / rows,
        ]);
      }
    }
  }
  return found;
}

// How much of a cell lies in a target, 0 to 1.
function coverage(target, [x0, y0, x1, y1]) {
  if (target.kind === "panel" || target.kind === "box") {
    const [a0, b0, a1, b1] = boxOf(target);
    const wide = Math.max(0, Math.min(x1, a1) - Math.max(x0, a0));
    const high = Math.max(0, Math.min(y1, b1) - Math.max(y0, b0));
    return (wide * high) / ((x1 - x0) * (y1 - y0));
  }
  let inside = 0;
  for (let i = 0; i < 16; i++) {
    const x = x0 + ((x1 - x0) * ((i % 4) + 0.5)) / 4;
    const y = y0 + ((y1 - y0) * ((i >> 2) + 0.5)) / 4;
    inside += contains(target, x, y);
  }
  return inside / 16;
}

// Of some tokens: the mean of their looks, and where the first one was steered to.
export function meanLook(tokens) {
  const look = tokens[0].look.map((_, i) => tokens.reduce((sum, token) => sum + token.look[i], 0) / tokens.length);
  return { look, aim: tokens[0].target };
}

// Share of a look's attention on the picture that falls into a target; a look is one number a cell.
export function shareIn(look, target) {
  const places = cells();
  let all = 0;
  let inside = 0;
  look.forEach((value, i) => {
    all += value;
    if (value && places[i]) inside += value * coverage(target, places[i]);
  });
  return all ? inside / all : 0;
}

// The region that most of a look falls into: {id, share}; the aim itself where it has half of it.
export function mostLooked(look, aim) {
  const target = targetOf(aim);
  if (target) {
    const share = shareIn(look, target);
    if (share >= 0.5) return { id: aim, share };
  }
  let best = { id: null, share: 0 };
  for (const region of regions()) {
    const share = shareIn(look, region.target);
    if (share > best.share) best = { id: region.id, share };
  }
  return best.share >= 0.35 ? best : { id: null, share: best.share };
}

export function regionAt(x, y) {
  const here = regions().filter((region) => contains(region.target, x, y));
  return here.length ? here[here.length - 1].id : null; // what was drawn last lies on top
}
