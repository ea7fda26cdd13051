// A run as a file, and as a link. Both hold the plan that makes the same words again.

import { FIRST_SHAPE } from "./regions.js";
import { stopsOf, textOf } from "./run.js";
import { state } from "./state.js";

const FORMAT = 1;

function plan() {
  const run = state.run;
  const used = new Set([...run.steered.map((token) => token.target), ...state.shapes.map((shape) => shape.id)]);
  return {
    format: FORMAT,
    ask: run.ask,
    stops: stopsOf(run.steered),
    shapes: [...state.targets].filter(([id]) => id >= FIRST_SHAPE && used.has(id)),
    text: textOf(run.steered),
  };
}

export function toJson() {
  const { sample, png, width, height, panels, names } = state.picture;
  return {
    made_by: `gazeheads ${state.about.version}`,
    model: state.about.model,
    ...plan(),
    unsteered: textOf(state.run.free),
    picture: { sample, png: sample ? null : png, width, height, panels, names },
    views: state.views,
    look_unit: 0.0001,
    steered_tokens: state.run.steered,
    unsteered_tokens: state.run.free,
    proof: state.run.done.steered ?? null,
  };
}

export async function toLink() {
  if (!state.picture.sample) return null;
  const bytes = new TextEncoder().encode(JSON.stringify({ ...plan(), picture: { sample: state.picture.sample } }));
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const small = new Uint8Array(await new Response(stream).arrayBuffer());
  const text = btoa(Array.from(small, (byte) => String.fromCharCode(byte)).join(""));
  return `${location.origin}/#run=${text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

// The run in the address of this page, or null.
export async function fromLink() {
  const found = /^#run=([\w-]+)$/.exec(location.hash);
  if (!found) return null;
  const stream = new Blob([bytesOf(found[1].replaceAll("-", "+").replaceAll("_", "/"))]).stream();
  const bytes = await new Response(stream.pipeThrough(new DecompressionStream("deflate-raw"))).text();
  return checked(JSON.parse(bytes));
}

// A saved run, or an error that says what is wrong with it.
export function checked(saved) {
  const lists = Array.isArray(saved?.stops) && Array.isArray(saved.shapes);
  if (saved?.format !== FORMAT || typeof saved.ask?.prompt !== "string" || !lists || !saved.picture) {
    throw new Error("This is not a run that this page saved.");
  }
  for (const shape of saved.shapes) {
    if (!Array.isArray(shape) || !Number.isInteger(shape[0]) || shape[0] < FIRST_SHAPE || !isShape(shape[1])) {
      throw new Error("It holds a shape that nobody can draw.");
    }
  }
  return saved;
}

function isShape(target) {
  const share = (value) => typeof value === "number" && value >= 0 && value <= 1;
  const count = (value, most) => Number.isInteger(value) && value >= 1 && value <= most;
  if (target?.kind === "box") return [target.x0, target.y0, target.x1, target.y1].every(share);
  if (target?.kind === "spot") return share(target.x) && share(target.y) && target.radius > 0 && target.radius <= 2;
  if (target?.kind !== "mask" || !count(target.rows, 128) || !count(target.cols, 256)) return false;
  if (typeof target.bits !== "string" || !/^[A-Za-z0-9+/]*=*$/.test(target.bits)) return false;
  return bytesOf(target.bits).byteLength === Math.ceil((target.rows * target.cols) / 8);
}

export function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer;
}

export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
