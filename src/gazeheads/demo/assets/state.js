// What the page knows. Whoever changes it calls `changed`; everything that shows it is drawn anew in the next frame.

export const state = {
  about: null, // the model and the limits, from the server
  picture: null, // {sample, width, height, panels, names, image, png}
  views: [], // grids of cells: rows, columns, left, top, right, bottom as shares of the picture
  shapes: [], // regions that the visitor drew: {id, target}
  targets: new Map(), // id -> target, of everything that was looked at
  aim: null, // id of where to look; null: freely
  tool: "hover",
  size: 0.3, // of spotlight and brush, share of the picture's height
  tour: [], // ids
  drawing: null, // what is being drawn now: a target
  run: null, // the newest answer: see `begin` in run.js
  picked: null, // {side, start, stop}: what is looked at in the text; null: the newest token
  heat: true,
};

const listeners = [];
let waiting = false;

export function onChange(listener) {
  listeners.push(listener);
}

export function changed() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    for (const listener of listeners) listener();
  });
}

export const $ = (id) => document.getElementById(id);

// Errors stand where they happen: picture, target, prompt, say, message.
export function complain(where, text) {
  const place = document.querySelector(`[data-error="${where}"]`) ?? document.querySelector('[data-error="message"]');
  place.textContent = text;
  place.hidden = !text;
}

export function forgive(...places) {
  for (const where of places) complain(where, "");
}
