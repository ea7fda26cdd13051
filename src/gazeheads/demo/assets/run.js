// One answer: asking for it, hearing it, moving its target while it is made.

import { send } from "./net.js";
import { colourOf, labelOf, targetOf } from "./regions.js";
import { $, changed, complain, forgive, state } from "./state.js";

let number = 0;

// ask: the question and the manner; stops: where to look from which token on; words: what a replay should say.
export function begin(ask, stops, pace, words = null) {
  forgive("say", "target", "prompt", "message");
  number += 1;
  const wanted = { ...ask, type: "say", run: number, stops, pace };
  if (!send(wanted)) return;
  state.run = { number, ask, steered: [], free: [], done: {}, speaking: true, words, firstWord: null, began: performance.now() };
  state.picked = null;
  changed();
}

export function stop() {
  send({ type: "stop" });
}

export const speaking = () => state.run?.speaking ?? false;

// From now on look at this region or shape; null: freely.
export function lookAt(id) {
  if (state.aim === id) return;
  state.aim = id;
  if (speaking()) send({ type: "look", id: id ?? 0, target: targetOf(id) });
  $("looking").replaceChildren(...marked(id));
  forgive("target");
  changed();
}

// A mark in the colour of a region, and its name.
export function marked(id, text = id === null ? "unsteered" : `looks at ${labelOf(id)}`) {
  const mark = document.createElement("i");
  if (id !== null) mark.style.setProperty("--c", `var(${colourOf(id)})`);
  return [mark, text];
}

export const hear = {
  begun(message) {
    if (!state.run || message.run !== number) return;
    state.views = message.views;
    changed();
  },
  ready(message) {
    state.views = message.views;
    changed();
  },
  token(message) {
    if (!state.run || message.run !== number) return;
    const { side, index, text, target, before, after, look } = message;
    state.run[side][index] = { text, target, before, after, look };
    if (side === "steered" && state.run.firstWord === null) {
      state.run.firstWord = performance.now() - state.run.began;
    }
    changed();
  },
  done(message) {
    if (!state.run || message.run !== number) return;
    state.run.done[message.side] = message;
    if (message.side === "steered") state.run.speaking = false;
    changed();
  },
  error(message) {
    if (message.run !== undefined && message.run !== number) return;
    complain(message.where, message.message);
    if (message.where !== "target" && state.run) state.run.speaking = false;
    changed();
  },
};

// The plan that makes this answer again: a stop wherever the target changed.
export function stopsOf(tokens) {
  const stops = [];
  let before;
  tokens.forEach((token, index) => {
    const id = token.target ?? null;
    if (id !== before) stops.push({ token: index, id: id ?? 0, target: targetOf(id) });
    before = id;
  });
  return stops;
}

export const textOf = (tokens) => tokens.map((token) => token.text).join("");
