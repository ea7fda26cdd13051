// The answers, word by word: tinted by where each word was steered to, underlined by where the heads looked.

import { colourOf, labelOf, meanLook, mostLooked } from "./regions.js";
import { textOf } from "./run.js";
import { $, changed, state } from "./state.js";

const places = { steered: $("steered"), free: $("unsteered") };
const drawn = { steered: null, free: null }; // the token lists that stand there, and how much of them

// The words of an answer: {start, stop, text, gap}; a word is what stands between white space.
export function wordsOf(tokens) {
  const found = [];
  tokens.forEach((token, i) => {
    for (const part of token.text.split(/(?<=\s)(?=\S)|(?<=\S)(?=\s)/)) {
      if (!part) continue;
      if (!part.trim()) found.push({ start: i, stop: i + 1, text: "", gap: part, open: true });
      else if (!found.length) found.push({ start: i, stop: i + 1, text: part, gap: "" });
      else {
        const last = found[found.length - 1];
        if (last.open) last.start = i;
        last.open = false;
        last.text += part;
        last.stop = i + 1;
      }
    }
  });
  return found.filter((word) => word.text);
}

// What a word says about the gaze: where it was steered to, and where the heads looked.
export function gazeOf(tokens, word) {
  const { look, aim } = meanLook(tokens.slice(word.start, word.stop));
  return { aim, look, looked: mostLooked(look, aim) };
}

export function drawWords() {
  for (const side of ["steered", "free"]) draw(side);
  describe();
}

function draw(side) {
  const tokens = state.run?.[side] ?? [];
  const place = places[side];
  if (drawn[side]?.tokens !== tokens) {
    place.replaceChildren();
    drawn[side] = { tokens, count: 0, words: 0 };
  }
  if (drawn[side].count !== tokens.length) {
    const words = wordsOf(tokens);
    for (let i = Math.max(0, drawn[side].words - 1); i < words.length; i++) put(side, place, tokens, words[i], i);
    Object.assign(drawn[side], { count: tokens.length, words: words.length });
  }
  for (const span of place.querySelectorAll(".word")) {
    const picked = state.picked;
    const mine = picked?.side === side && picked.start < Number(span.dataset.stop) && Number(span.dataset.start) < picked.stop;
    span.setAttribute("aria-pressed", mine ? "true" : "false");
  }
  place.classList.toggle("caret", Boolean(state.run && !state.run.done[side] && state.run.speaking));
}

function put(side, place, tokens, word, i) {
  let span = place.querySelectorAll(".word")[i];
  if (!span) {
    span = document.createElement("span");
    span.className = "word";
    span.role = "button";
    span.tabIndex = i ? -1 : 0;
    place.append(i ? word.gap || " " : "", span);
  }
  span.textContent = word.text;
  Object.assign(span.dataset, { side, start: word.start, stop: word.stop });
  const { aim, looked } = gazeOf(tokens, word);
  span.style.setProperty("--t", aim === null ? "transparent" : `var(${colourOf(aim)})`);
  span.style.setProperty("--u", looked.id === null ? "transparent" : `var(${colourOf(looked.id)})`);
  span.classList.toggle("spread", looked.id === null);
  span.dataset.aim = aim ?? "";
  span.dataset.looked = looked.id ?? "";
  span.title = said(aim, looked);
}

function said(aim, looked) {
  const where = looked.id === null ? "no region more than the others" : `${labelOf(looked.id)} (${Math.round(100 * looked.share)}%)`;
  return `${aim === null ? "unsteered" : `steered to ${labelOf(aim)}`}; the watched heads looked at ${where}`;
}

// The lines under the answers.
function describe() {
  const run = state.run;
  if (!run) return void ($("proof").textContent = $("freely").textContent = "");
  const done = run.done.steered;
  const last = run.steered[run.steered.length - 1];
  const now = done ?? (last && { before: last.before, after: last.after });
  const percent = (share) => `${Math.round(100 * share)}%`;
  let line = "";
  if (now?.after !== null && now?.after !== undefined) {
    line = `Attention mass of the steered heads on the target: ${percent(now.before)} → ${percent(now.after)}`;
  }
  if (done) {
    const ends = { end: "it ended by itself", length: "full length", stopped: "stopped", time: "out of time", error: "an error" };
    line += `${line ? " · " : ""}${run.steered.length} tokens, ${ends[done.why]}`;
    if (run.firstWord !== null) line += `, first word after ${(run.firstWord / 1000).toFixed(2)} s`;
  }
  if (run.words !== null && done) {
    line += run.words === textOf(run.steered) ? " · replayed: the same words" : " · replayed: other words";
  }
  if (state.picked) {
    const tokens = run[state.picked.side];
    const word = { start: state.picked.start, stop: state.picked.stop };
    if (tokens[word.start]?.look) {
      const { aim, looked } = gazeOf(tokens, word);
      line = `“${textOf(tokens.slice(word.start, word.stop)).trim()}”: ${said(aim, looked)}`;
    }
  }
  $("proof").textContent = line;
  $("freely").textContent = run.done.free ? "What the model says without steering." : "";
}

export function pick(side, start, stop) {
  state.picked = side === null ? null : { side, start, stop };
  changed();
}

for (const place of Object.values(places)) {
  place.addEventListener("click", (event) => {
    const span = event.target.closest(".word");
    if (!span) return;
    const again = span.getAttribute("aria-pressed") === "true";
    if (again) pick(null);
    else pick(span.dataset.side, Number(span.dataset.start), Number(span.dataset.stop));
  });
  place.addEventListener("keydown", (event) => {
    const all = [...place.querySelectorAll(".word")];
    const at = all.indexOf(event.target);
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -at, End: all.length - 1 - at }[event.key];
    if (event.key === "Enter" || event.key === " ") event.target.click();
    else if (step === undefined || !all[at + step]) return;
    else all[at + step].focus();
    event.preventDefault();
  });
}
