// The answer as two bands: above where each token was steered to, below where the heads looked.

import { colourOf, mostLooked, solid } from "./regions.js";
import { $, changed, state } from "./state.js";

const canvas = $("line");
const scrub = $("scrub");
const looked = new WeakMap(); // token -> the region that it looked at

export function drawTimeline() {
  const tokens = state.run?.steered ?? [];
  $("time").hidden = !tokens.length;
  if (!tokens.length) return;
  const room = state.run.done.steered ? tokens.length : Math.max(tokens.length, state.run.ask.tokens);
  scrub.max = room - 1;
  if (!state.picked) scrub.value = tokens.length - 1;
  else if (state.picked.side === "steered") scrub.value = state.picked.start;
  const dense = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, 46];
  canvas.width = Math.round(width * dense);
  canvas.height = Math.round(height * dense);
  const pen = canvas.getContext("2d");
  pen.scale(dense, dense);
  const wide = width / room;
  tokens.forEach((token, i) => {
    band(pen, i * wide, 4, wide, colourOf(token.target), 1);
    if (!looked.has(token)) looked.set(token, mostLooked(token.look, token.target));
    const { id, share } = looked.get(token);
    band(pen, i * wide, 26, wide, colourOf(id), 0.35 + 0.65 * share);
  });
  const at = state.picked?.side === "steered" ? state.picked : null;
  if (at) {
    pen.strokeStyle = solid("--ink");
    pen.lineWidth = 2;
    pen.strokeRect(at.start * wide + 1, 1, Math.max(3, (at.stop - at.start) * wide - 2), height - 2);
  }
}

function band(pen, x, y, wide, colour, alpha) {
  pen.globalAlpha = colour ? alpha : 0.25;
  pen.fillStyle = solid(colour ?? "--edge");
  pen.fillRect(x + 0.5, colour ? y : y + 6, Math.max(1, wide - 1), colour ? 16 : 4);
  pen.globalAlpha = 1;
}

function scrubTo(token) {
  state.picked = { side: "steered", start: token, stop: token + 1 };
  changed();
}

scrub.addEventListener("input", () => scrubTo(Math.min(state.run.steered.length - 1, Number(scrub.value))));
canvas.addEventListener("click", (event) => {
  const tokens = state.run.steered.length;
  const room = state.run.done.steered ? tokens : Math.max(tokens, state.run.ask.tokens);
  scrubTo(Math.min(tokens - 1, Math.floor((event.offsetX / canvas.clientWidth) * room)));
});
