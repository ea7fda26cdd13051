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
  const text = atob(found[1].replaceAll("-", "+").replaceAll("_", "/"));
  const stream = new Blob([Uint8Array.from(text, (c) => c.charCodeAt(0))]).stream();
  const bytes = await new Response(stream.pipeThrough(new DecompressionStream("deflate-raw"))).text();
  return checked(JSON.parse(bytes));
}

// A saved run, or an error that says what is wrong with it.
export function checked(saved) {
  if (saved?.format !== FORMAT || !saved.ask || !Array.isArray(saved.stops) || !saved.picture) {
    throw new Error("This is not a run that this page saved.");
  }
  return saved;
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
