// How one points: hover, spotlight, box, paint, tour; with a mouse, a finger or the keyboard.

import { FIRST_SHAPE, FIRST_SPOT, bits, packed, regionAt, regions } from "./regions.js";
import { lookAt } from "./run.js";
import { $, changed, forgive, state } from "./state.js";
import { addStop } from "./tour.js";

const canvas = $("stage");
const SPOT_EVERY = 50; // ms between two moves of the spotlight
let spots = FIRST_SPOT;
let shapes = FIRST_SHAPE;
let from = null; // where a drag began
let paint = null; // {cells, rows, cols}
let due = 0;

function place(event) {
  const box = canvas.getBoundingClientRect();
  const clamp = (share) => Math.min(0.9999, Math.max(0, share));
  return { x: clamp((event.clientX - box.left) / box.width), y: clamp((event.clientY - box.top) / box.height) };
}

export function newPicture() {
  spots = FIRST_SPOT;
  shapes = FIRST_SHAPE;
  Object.assign(state, { shapes: [], tour: [], drawing: null, picked: null, run: null, views: [] });
  state.targets.clear();
  state.aim = undefined; // whatever it was, it is gone
  lookAt(null);
  $("clear").hidden = true;
}

export function useTool(tool) {
  state.tool = tool;
  state.drawing = null;
  canvas.dataset.tool = tool;
  $("size").hidden = tool !== "spot" && tool !== "mask";
  $("tour").hidden = tool !== "tour";
  const hints = {
    hover: state.picture?.panels.length || state.shapes.length ? "" : "Drag a box first: then there is something to hover",
    spot: "Move the spotlight; the wheel changes its size",
    box: "Drag a box: it stays, and you can come back to it",
    mask: "Paint what the model should look at; Shift adds to it",
  };
  $("hint").textContent = hints[tool] ?? "";
  changed();
}

export function moveSpot(x, y, now = performance.now()) {
  if (now < due) return;
  due = now + SPOT_EVERY;
  const id = spots++;
  state.targets.set(id, { kind: "spot", x: round(x), y: round(y), radius: round(state.size / 2) });
  lookAt(id);
}

const round = (share) => Math.round(share * 1e4) / 1e4;

function keep(target) {
  const id = shapes++;
  state.shapes.push({ id, target });
  state.targets.set(id, target);
  state.drawing = null;
  $("clear").hidden = false;
  lookAt(id);
}

// The number that the next shape will have.
export const nextShape = () => shapes;

export function clearShapes() {
  state.shapes = [];
  state.tour = state.tour.filter((id) => id < FIRST_SHAPE);
  if (state.aim !== null && state.aim >= FIRST_SHAPE) lookAt(null);
  $("clear").hidden = true;
  changed();
}

// Shapes of a saved run, under their old names.
export function takeShapes(saved) {
  for (const [id, target] of saved) {
    state.targets.set(id, target);
    if (id >= FIRST_SPOT) spots = Math.max(spots, id + 1);
    else {
      state.shapes.push({ id, target });
      shapes = Math.max(shapes, id + 1);
      $("clear").hidden = false;
    }
  }
}

canvas.addEventListener("pointerdown", (event) => {
  if (!state.picture || event.button) return;
  const { x, y } = place(event);
  forgive("target");
  if (state.tool === "tour") addStop(regionAt(x, y));
  else if (state.tool === "hover") point(x, y);
  else if (state.tool === "spot") moveSpot(x, y, due);
  else {
    canvas.setPointerCapture(event.pointerId);
    from = { x, y };
    if (state.tool === "mask") {
      const tall = state.picture.height / state.picture.width; // the mask has the shape of the picture
      const cols = Math.max(1, Math.min(96, Math.floor(128 / tall)));
      const rows = Math.max(1, Math.min(128, Math.round(cols * tall)));
      const last = event.shiftKey ? regions().at(-1)?.target : null;
      const cells = last?.kind === "mask" ? Array.from(bits(last), Boolean) : new Array(rows * cols).fill(false);
      paint = { cells, rows, cols };
      dab(x, y);
    }
  }
  changed();
});

canvas.addEventListener("pointermove", (event) => {
  if (!state.picture) return;
  const { x, y } = place(event);
  if (from && state.tool === "box") {
    state.drawing = {
      kind: "box",
      x0: round(Math.min(from.x, x)), y0: round(Math.min(from.y, y)),
      x1: round(Math.max(from.x, x)), y1: round(Math.max(from.y, y)),
    };
    changed();
  } else if (from && paint) dab(x, y);
  else if (state.tool === "hover" && (event.pointerType === "mouse" || event.buttons)) point(x, y);
  else if (state.tool === "spot" && (event.pointerType === "mouse" || event.buttons)) moveSpot(x, y);
});

for (const end of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(end, () => {
    const drawing = state.drawing;
    if (from && drawing?.kind === "mask") keep(drawing);
    else if (from && drawing && drawing.x1 - drawing.x0 > 0.005 && drawing.y1 - drawing.y0 > 0.005) keep(drawing);
    from = paint = state.drawing = null;
    changed();
  });
}

canvas.addEventListener(
  "wheel",
  (event) => {
    if (state.tool !== "spot" && state.tool !== "mask") return;
    event.preventDefault();
    resize(state.size * (event.deltaY < 0 ? 1.1 : 1 / 1.1));
    const { x, y } = place(event);
    if (state.tool === "spot") moveSpot(x, y);
  },
  { passive: false },
);

export function resize(size) {
  state.size = Math.min(0.8, Math.max(0.06, size));
  $("size").querySelector("input").value = state.size;
}

function point(x, y) {
  const id = regionAt(x, y);
  if (id !== null) lookAt(id);
}

// One touch of the brush.
function dab(x, y) {
  const wide = state.picture.width / state.picture.height;
  paint.cells.forEach((_, i) => {
    const col = ((i % paint.cols) + 0.5) / paint.cols;
    const row = (Math.floor(i / paint.cols) + 0.5) / paint.rows;
    if (Math.hypot((col - x) * wide, row - y) <= Math.max(state.size / 3, 0.6 / paint.rows)) paint.cells[i] = true;
  });
  if (paint.cells.some(Boolean)) state.drawing = packed(paint.cells, paint.rows, paint.cols);
  changed();
}

canvas.addEventListener("keydown", (event) => {
  if (!state.picture || event.ctrlKey || event.metaKey || event.altKey) return;
  const all = regions();
  const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
  if (event.key === "Escape" || event.key === "0") lookAt(null);
  else if (/^[1-9]$/.test(event.key) && all[event.key - 1]) choose(all[event.key - 1].id);
  else if (way && state.tool === "spot") {
    const old = state.targets.get(state.aim) ?? { x: 0.5, y: 0.5 };
    const step = 0.06 * Math.min(1, state.picture.height / state.picture.width);
    due = 0;
    moveSpot(Math.min(0.9999, Math.max(0, old.x + way[0] * step)), Math.min(0.9999, Math.max(0, old.y + way[1] * 0.06)));
  } else if (way && all.length) {
    const at = all.findIndex((region) => region.id === state.aim);
    choose(all[(at + way[0] + way[1] + all.length + (at < 0 && way[0] + way[1] < 0)) % all.length].id);
  } else if (event.key === "Enter" && state.tool === "tour") addStop(state.aim);
  else return;
  event.preventDefault();
});

function choose(id) {
  forgive("target");
  lookAt(id);
}
