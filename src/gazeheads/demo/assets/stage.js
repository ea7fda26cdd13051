// The picture: lit where the heads look, outlined where they are pointed.

import { nextShape } from "./pointer.js";
import { FIRST_SHAPE, bits, boxOf, cells, colourOf, labelOf, meanLook, regions, solid, targetOf } from "./regions.js";
import { $, state } from "./state.js";

const canvas = $("stage");
const small = document.createElement("canvas"); // the light, one pixel for a part of a cell

// What is looked at now: {look, aim}; the picked word's, else the newest token's.
export function shownLook() {
  const run = state.run;
  if (!run) return null;
  if (state.picked) {
    const tokens = run[state.picked.side].slice(state.picked.start, state.picked.stop);
    return tokens.length ? meanLook(tokens) : null;
  }
  const last = run.steered[run.steered.length - 1];
  return run.speaking && last ? { look: last.look, aim: state.aim } : null;
}

export function drawStage() {
  const picture = state.picture;
  if (!picture) return;
  const room = $("drop").clientWidth;
  const high = Math.max(110, Math.min(window.innerHeight * 0.56, 560));
  let scale = Math.min(room / picture.width, high / picture.height);
  if (picture.height * scale < 100 && room < 620) scale = 100 / picture.height; // then the strip scrolls
  const width = Math.round(picture.width * scale);
  const height = Math.round(picture.height * scale);
  const dense = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * dense) || canvas.height !== Math.round(height * dense)) {
    canvas.width = Math.round(width * dense);
    canvas.height = Math.round(height * dense);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(dense, 0, 0, dense, 0, 0);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture.image, 0, 0, width, height);
  const shown = shownLook();
  if (shown && state.heat) light(pen, shown.look, width, height);
  const aim = state.picked ? (shown?.aim ?? null) : state.aim;
  const target = targetOf(aim);
  if (target && !(shown && state.heat)) veil(pen, target, width, height);
  for (const region of regions()) outline(pen, region.target, region.id, width, height, region.id === aim);
  if (target && !regions().some((region) => region.id === aim)) outline(pen, target, aim, width, height, true);
  if (state.drawing) outline(pen, state.drawing, nextShape(), width, height, true);
  tourNumbers(pen, width, height);
}

// Dark where no head looks. The strongest cell is fully lit.
export function light(pen, look, width, height) {
  const most = Math.max(...look, 1);
  small.width = 192;
  small.height = Math.max(8, Math.round((192 * height) / width));
  const dim = small.getContext("2d");
  dim.clearRect(0, 0, small.width, small.height);
  dim.fillStyle = "rgba(8, 9, 14, 0.74)";
  dim.fillRect(0, 0, small.width, small.height);
  dim.globalCompositeOperation = "destination-out";
  cells().forEach(([x0, y0, x1, y1], i) => {
    const share = Math.sqrt((look[i] ?? 0) / most);
    if (share < 0.02) return;
    dim.fillStyle = `rgba(0, 0, 0, ${share})`;
    dim.fillRect(x0 * small.width, y0 * small.height, (x1 - x0) * small.width, (y1 - y0) * small.height);
  });
  dim.globalCompositeOperation = "source-over";
  pen.drawImage(small, 0, 0, width, height);
}

function veil(pen, target, width, height) {
  pen.save();
  pen.fillStyle = "rgba(8, 9, 14, 0.45)";
  pen.beginPath();
  pen.rect(0, 0, width, height);
  path(pen, target, width, height);
  pen.fill("evenodd");
  pen.restore();
}

export function path(pen, target, width, height) {
  if (target.kind === "spot") {
    pen.moveTo((target.x * width) + target.radius * height, target.y * height);
    pen.arc(target.x * width, target.y * height, target.radius * height, 0, 2 * Math.PI);
  } else if (target.kind === "mask") {
    const on = bits(target);
    const [w, h] = [width / target.cols, height / target.rows];
    on.forEach((bit, i) => {
      if (bit) pen.rect((i % target.cols) * w, Math.floor(i / target.cols) * h, w, h);
    });
  } else {
    const [x0, y0, x1, y1] = boxOf(target);
    pen.rect(x0 * width, y0 * height, (x1 - x0) * width, (y1 - y0) * height);
  }
}

export function outline(pen, target, id, width, height, strong) {
  const colour = solid(colourOf(id));
  pen.save();
  pen.beginPath();
  path(pen, target, width, height);
  if (target.kind === "mask") {
    pen.globalAlpha = strong ? 0.4 : 0.2;
    pen.fillStyle = colour;
    pen.fill();
  } else {
    if (!strong && id >= FIRST_SHAPE) pen.setLineDash([7, 5]);
    if (strong) {
      pen.lineWidth = 6;
      pen.strokeStyle = "rgba(255, 255, 255, 0.9)";
      pen.stroke();
    }
    pen.lineWidth = strong ? 4 : 2;
    pen.strokeStyle = colour;
    pen.globalAlpha = strong ? 1 : 0.85;
    pen.stroke();
  }
  pen.restore();
  if (strong && id !== null) chip(pen, target, labelOf(id), colour, width, height);
}

function chip(pen, target, text, colour, width, height, below = 0) {
  const [x, y] = corner(target);
  pen.save();
  pen.font = "600 13px system-ui, sans-serif";
  const wide = pen.measureText(text).width + 14;
  const left = Math.max(2, Math.min(width - wide - 2, x * width + 5));
  const top = Math.max(2, Math.min(height - 23, y * height + 5 + below));
  pen.fillStyle = "rgba(12, 13, 18, 0.85)";
  pen.beginPath();
  pen.roundRect(left, top, wide, 21, 6);
  pen.fill();
  pen.fillStyle = colour;
  pen.fillRect(left + 5, top + 6, 3, 9);
  pen.fillStyle = "#fff";
  pen.textBaseline = "middle";
  pen.fillText(text, left + 11, top + 11);
  pen.restore();
}

function corner(target) {
  if (target.kind === "spot") return [target.x - 0.05, target.y - target.radius];
  if (target.kind === "mask") {
    const first = bits(target).indexOf(1);
    return [(first % target.cols) / target.cols, Math.floor(first / target.cols) / target.rows];
  }
  return boxOf(target);
}

function tourNumbers(pen, width, height) {
  if (state.tool !== "tour") return;
  const places = new Map();
  state.tour.forEach((id, i) => places.set(id, [...(places.get(id) ?? []), i + 1]));
  for (const [id, numbers] of places) chip(pen, targetOf(id), numbers.join(", "), solid(colourOf(id)), width, height, 25);
}
