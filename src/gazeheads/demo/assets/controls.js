// The switches and sliders below the answers.

import { speaking } from "./run.js";
import { send } from "./net.js";
import { $, changed, state } from "./state.js";

const UNPACED = 31;
let heads = "gaze";
let draw = 0;

export function setUp(about) {
  $("k").max = about.most_k;
  $("k").value = about.k;
  $("tokens").max = about.limits.tokens;
  $("prompt").maxLength = about.limits.prompt;
  const chosen = $("mode").value || "focus";
  $("mode").replaceChildren(...Object.entries(about.pushes).map(([name, { words }]) => new Option(`${name}: ${words}`, name)));
  $("mode").value = chosen;
  say();
}

// What is asked for, without the question.
export function manner() {
  return {
    heads,
    draw,
    k: Number($("k").value),
    strength: Number($("strength").value),
    mode: $("mode").value,
    watch: $("watch").value,
    tokens: Number($("tokens").value),
    keep_talking: $("keep").checked,
  };
}

export function setManner(saved) {
  heads = saved.heads;
  draw = saved.draw;
  for (const name of ["k", "strength", "mode", "watch", "tokens"]) if (saved[name] !== null) $(name).value = saved[name];
  $("keep").checked = saved.keep_talking;
  say();
}

export function pace() {
  const value = Number($("pace").value);
  return value >= UNPACED ? null : value;
}

function say() {
  const k = Number($("k").value);
  const strength = Number($("strength").value);
  const all = state.about ? state.about.layers * state.about.heads : 0;
  $("k-out").textContent = heads === "all" ? `all ${all}` : `${k} of ${all}`;
  $("strength-out").textContent = state.about?.pushes[$("mode").value]?.unit ? `${(10 * strength).toFixed(1)} ${state.about.pushes[$("mode").value].unit}` : `${Math.round(100 * strength)}%`;
  $("pace-out").textContent = pace() === null ? "as fast as it goes" : `${pace()} tokens/s`;
  $("tokens-out").textContent = `${$("tokens").value} tokens`;
  $("heads-note").textContent = {
    gaze: "The heads that look at what is described.",
    random: `Random-head control: as many other heads of the same layers, draw ${draw + 1}. Press again for another draw.`,
    all: "Every head of the model: text tends to break.",
  }[heads];
  $("pushed").textContent = heads === "gaze" ? "" : heads === "random" ? "random heads" : "all heads";
  for (const button of $("heads").children) choose(button, button.dataset.heads === heads);
}

export function choose(button, on) {
  button.setAttribute("aria-checked", on ? "true" : "false");
  button.tabIndex = on ? 0 : -1;
}

// Arrow keys move within a group of radio buttons.
export function radios(group, chosen) {
  group.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) chosen(button.dataset);
  });
  group.addEventListener("keydown", (event) => {
    const all = [...group.children];
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const next = all[(all.indexOf(event.target) + step + all.length) % all.length];
    next.focus();
    next.click();
    event.preventDefault();
  });
}

radios($("heads"), (data) => {
  if (data.heads === "random" && heads === "random") draw += 1;
  heads = data.heads;
  say();
});
for (const name of ["k", "strength", "mode", "pace", "tokens", "watch"]) $(name).addEventListener("input", say);
$("pace").addEventListener("change", () => {
  if (speaking()) send({ type: "pace", pace: pace() });
});
$("heat").addEventListener("change", () => {
  state.heat = $("heat").checked;
  changed();
});
say();
