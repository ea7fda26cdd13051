// A tour: panels that the answer is led through, each for so many tokens.

import { colourOf, labelOf, targetOf } from "./regions.js";
import { $, changed, state } from "./state.js";

let shown = "";

export function addStop(id) {
  if (id === null || id === undefined) return;
  state.tour.push(id);
  changed();
}

// The plan; the tour goes round until the answer has its length.
export function tourStops(tokens) {
  const every = Math.min(60, Math.max(1, Number($("every").value) || 8));
  const stops = [];
  for (let token = 0; token < tokens && state.tour.length; token += every) {
    const id = state.tour[stops.length % state.tour.length];
    stops.push({ token, id, target: targetOf(id) });
  }
  return stops;
}

export function drawTour() {
  const now = state.tour.join(" ");
  if (now === shown) return;
  shown = now;
  $("stops").replaceChildren(
    ...state.tour.map((id, i) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.style.setProperty("--c", `var(${colourOf(id)})`);
      button.textContent = `${i + 1}. ${labelOf(id)} ×`;
      button.setAttribute("aria-label", `Take stop ${i + 1}, ${labelOf(id)}, out of the tour`);
      button.addEventListener("click", () => {
        state.tour.splice(i, 1);
        changed();
      });
      item.append(button);
      return item;
    }),
  );
}

$("untour").addEventListener("click", () => {
  state.tour = [];
  changed();
});
