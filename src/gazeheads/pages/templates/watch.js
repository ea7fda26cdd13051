"use strict";
// Reads the data of the page, and redraws whatever is chosen: tokens, heads, how attention is weighed, sinks.
// A share is a part of what the chosen heads get from all pictures at one token; over several tokens, their mean.
(async () => {
  const $ = (id) => document.getElementById(id);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const data = JSON.parse($("data").textContent);
  const STEPS = 255, ROW = 20, LEAST = 3; // of a code; height of a region and least width of a token, in pixels
  const RAMP = [[246, 247, 249], [214, 228, 240], [156, 195, 224], [84, 152, 201], [23, 105, 170], [11, 63, 110], [8, 38, 63]];

  // -- data ----------------------------------------------------------------------------------------------------
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const floats = (text) => new Float32Array(bytes(text).buffer);
  const inflated = async (text) => {
    const stream = new Blob([bytes(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  };
  const tokens = data.token_texts.length, cells = data.cells.length, regions = data.regions.length;
  let weights;
  try {
    weights = floats(data.weights);
    for (const set of data.sets) {
      set.codes = await inflated(set.codes);
      set.scales = floats(set.scales);
      set.lengths = floats(set.lengths);
      set.active = set.heads.map(() => true);
    }
  } catch (error) {
    $("trouble").hidden = false;
    $("trouble").textContent = `The attention in this file cannot be unpacked (${error.message}). Open it in a browser of 2023 or later.`;
    return;
  }

  const state = { set: 0, by: "values", sinks: true, overview: false, from: 0, to: tokens, held: false };
  let shares, masses, table; // (token, cell), (token) raw attention on the pictures, (token, region)

  // The chosen heads' mean attention, as shares.
  function compute() {
    const set = data.sets[state.set], chosen = set.heads.map((_, n) => n).filter((n) => set.active[n]);
    shares = new Float32Array(tokens * cells);
    masses = new Float32Array(tokens);
    table = new Float32Array(tokens * regions);
    const counted = new Float32Array(cells).fill(1);
    if (!state.sinks) for (const cell of set.sinks) counted[cell] = 0;
    for (const head of chosen) {
      for (let token = 0; token < tokens; token++) {
        const scale = set.scales[head * tokens + token] / chosen.length / (STEPS * STEPS);
        const row = (head * tokens + token) * cells;
        for (let cell = 0; cell < cells; cell++) {
          const code = set.codes[row + cell];
          if (code === 0) continue;
          const raw = scale * code * code;
          masses[token] += raw;
          shares[token * cells + cell] += counted[cell] * (state.by === "raw" ? raw : raw * set.lengths[head * cells + cell]);
        }
      }
    }
    for (let token = 0; token < tokens; token++) {
      const row = shares.subarray(token * cells, (token + 1) * cells);
      const total = row.reduce((sum, value) => sum + value, 0);
      if (total > 0) for (let cell = 0; cell < cells; cell++) row[cell] /= total;
      for (let region = 0; region < regions; region++) {
        let sum = 0;
        for (let cell = 0; cell < cells; cell++) sum += weights[region * cells + cell] * row[cell];
        table[token * regions + region] = sum;
      }
    }
  }

  const mean = (values, width, at) => {
    let sum = 0;
    for (let token = state.from; token < state.to; token++) sum += values[token * width + at];
    return sum / (state.to - state.from);
  };
  const percent = (share) => (share >= 0.0995 || share === 0 ? `${Math.round(100 * share)}%` : `${(100 * share).toFixed(1)}%`);
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const tint = (part, alpha) => {
    const at = Math.min(0.9999, Math.max(0, part)) * (RAMP.length - 1), low = Math.floor(at);
    const mixed = RAMP[low].map((value, n) => Math.round(value + (at - low) * (RAMP[low + 1][n] - value)));
    return `rgba(${mixed.join(",")},${alpha})`;
  };
  const sheet = (canvas, width, height) => { // a context in CSS pixels, cleared
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(width * ratio));
    canvas.height = Math.max(1, Math.round(height * ratio));
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    return pen;
  };

  // -- drawing -------------------------------------------------------------------------------------------------
  function drawPictures(found, top) {
    const most = Math.max(1e-9, ...found), sinks = new Set(data.sets[state.set].sinks);
    all(".plate canvas").forEach((canvas, image) => {
      const width = canvas.clientWidth, height = canvas.clientHeight, pen = sheet(canvas, width, height);
      const x = width / data.sizes[image][0], y = height / data.sizes[image][1];
      data.cells.forEach(([of, left, up, right, down, , detail], cell) => {
        if (of !== image || Boolean(detail) === state.overview) return;
        const box = [left * x, up * y, (right - left) * x, (down - up) * y], part = found[cell] / most;
        if (part > 0.004) {
          pen.fillStyle = tint(part, 0.2 + 0.66 * part);
          pen.fillRect(...box);
        }
        if (sinks.has(cell)) {
          pen.strokeStyle = "#b4432e";
          pen.lineWidth = 1.5;
          pen.setLineDash(state.sinks ? [] : [3, 3]);
          pen.beginPath();
          pen.rect(box[0] + 2, box[1] + 2, box[2] - 4, box[3] - 4);
          pen.moveTo(box[0] + 2, box[1] + 2);
          pen.lineTo(box[0] + box[2] - 2, box[1] + box[3] - 2);
          pen.moveTo(box[0] + box[2] - 2, box[1] + 2);
          pen.lineTo(box[0] + 2, box[1] + box[3] - 2);
          pen.stroke();
          pen.setLineDash([]);
        }
      });
      data.regions.forEach(([, of, box], region) => {
        if (of !== image || !box) return;
        const first = region === top;
        pen.strokeStyle = first ? "#b35f00" : "rgba(60,70,85,0.45)";
        pen.lineWidth = first ? 3 : 1;
        const edge = first ? 1.5 : 0.5;
        pen.strokeRect(box[0] * x + edge, box[1] * y + edge, (box[2] - box[0]) * x - 2 * edge, (box[3] - box[1]) * y - 2 * edge);
      });
    });
    $("most").textContent = `${percent(most)} in one cell`;
  }

  function drawStairs() {
    const canvas = $("stairs"), width = Math.max(canvas.parentElement.clientWidth, LEAST * tokens), step = width / tokens;
    canvas.style.width = $("token").style.width = `${width}px`;
    canvas.style.height = `${ROW * regions}px`;
    const pen = sheet(canvas, width, ROW * regions), most = table.reduce((a, b) => Math.max(a, b), 1e-9);
    pen.fillStyle = style("--card");
    pen.fillRect(0, 0, width, ROW * regions);
    for (let token = 0; token < tokens; token++) {
      for (let region = 0; region < regions; region++) {
        pen.globalAlpha = table[token * regions + region] / most;
        pen.fillStyle = style("--accent");
        pen.fillRect(token * step, region * ROW, step + 0.3, ROW - 1);
      }
      pen.globalAlpha = 1;
      if (data.targets[token] >= 0) { // where heads were pointed at
        pen.fillStyle = style("--mark");
        pen.fillRect(token * step, (data.targets[token] + 1) * ROW - 4, step + 0.3, 3);
      }
    }
    if (state.to - state.from < tokens) {
      pen.strokeStyle = style("--mark");
      pen.lineWidth = 2;
      pen.strokeRect(state.from * step + 1, 1, Math.max(2, (state.to - state.from) * step - 2), ROW * regions - 2);
    }
  }

  function draw() {
    const set = data.sets[state.set], count = set.active.filter(Boolean).length, whole = state.to - state.from === tokens;
    const found = Array.from({ length: cells }, (_, cell) => mean(shares, cells, cell));
    const by = Array.from({ length: regions }, (_, region) => mean(table, regions, region));
    const top = by.indexOf(Math.max(...by)), some = count > 0 && by[top] > 0;
    drawPictures(found, some ? top : -1);
    drawStairs();
    const said = data.token_texts.slice(state.from, state.to).join("").trim() || "(nothing yet)", line = $("readout");
    const strong = (text) => Object.assign(document.createElement("b"), { textContent: text });
    const shown = said.length > 60 ? `${said.slice(0, 57)}…` : said;
    const everyone = `the ${set.name} looked`;
    const who = count === set.heads.length ? everyone : count === 1 ? `${set.heads[set.active.indexOf(true)]} looked` : `${count} of the ${set.name} looked`;
    if (!count) line.replaceChildren("No head is chosen. Choose one below.");
    else line.replaceChildren(
      whole ? "While the whole answer was made, " : "While ", ...(whole ? [] : [strong(`“${shown}”`), " was made, "]),
      `${who} most at `, strong(some ? data.regions[top][0] : "nothing"), some ? ` (${percent(by[top])} of what they get from the ` : " (of the ",
      `${data.sizes.length > 1 ? "images" : "image"}; ${data.sizes.length > 1 ? "they all" : "it"} got ${percent(mean(masses, 1, 0))} of the raw attention).`);
    all("#bars li").forEach((item, region) => {
      item.querySelector("i").style.width = `${100 * by[region]}%`;
      item.querySelector(".share").textContent = percent(by[region]);
      item.classList.toggle("first", some && region === top);
    });
    all(".w").forEach((button, n) => {
      const [start, stop] = data.words[n];
      button.classList.toggle("on", !whole && start < state.to && stop > state.from);
    });
    all("#things .chip").forEach((chip, n) => {
      const [, start, stop] = data.things[n];
      chip.setAttribute("aria-pressed", String(start === state.from && stop === state.to));
    });
    $("token").setAttribute("aria-valuetext", `token ${state.from}: ${data.token_texts[state.from]}`);
    if (!whole) $("token").value = String(state.from);
  }

  function controls() {
    const set = data.sets[state.set], count = set.active.filter(Boolean).length;
    all("input[name=set]").forEach((input) => { input.checked = Number(input.value) === state.set; });
    all("input[name=by]").forEach((input) => { input.checked = input.value === state.by; });
    $("sinks").checked = state.sinks;
    $("sinks").disabled = !set.sinks.length;
    const border = set.sinks.filter((cell) => data.cells[cell][5]).length;
    $("sinknote").textContent = set.sinks.length
      ? `crossed out: ${set.sinks.length} ${set.sinks.length === 1 ? "cell" : "cells"}, ${border} at a border, that get much attention and carry little`
      : `these ${set.heads.length} heads have none here`;
    const options = [...(count === set.heads.length ? [["all", `all ${count}`]] : count === 1 ? [["all", "all"]] : [["some", `${count} of ${set.heads.length}`], ["all", "all"]]),
      ...set.heads.map((head, n) => [String(n), head])];
    $("head").replaceChildren(...options.map(([value, text]) => new Option(text, value)));
    $("head").value = count === set.heads.length ? "all" : count === 1 ? String(set.active.indexOf(true)) : "some";
    $("heads").replaceChildren(...set.heads.map((head, n) => {
      const chip = Object.assign(document.createElement("button"), { type: "button", className: "chip", textContent: head });
      chip.setAttribute("aria-pressed", String(set.active[n]));
      chip.addEventListener("click", () => {
        set.active[n] = !set.active[n];
        refresh();
        $("heads").children[n].focus();
      });
      return chip;
    }));
  }

  function refresh() {
    compute();
    controls();
    draw();
    remember();
  }

  // -- choosing tokens -----------------------------------------------------------------------------------------
  function choose(from, to, held) {
    Object.assign(state, { from, to, held });
    draw();
    if (held) remember();
  }
  const whole = () => choose(0, tokens, false);
  const words = (a, b, held) => choose(data.words[Math.min(a, b)][0], data.words[Math.max(a, b)][1], held);

  function remember() { // so that a copied address shows the same
    const parts = [];
    if (state.held) parts.push(`t=${state.from}-${state.to - 1}`);
    if (state.set) parts.push(`set=${state.set}`);
    if (state.by === "raw") parts.push("by=raw");
    if (!state.sinks) parts.push("sinks=off");
    const set = data.sets[state.set];
    if (set.active.filter(Boolean).length === 1) parts.push(`head=${set.heads[set.active.indexOf(true)]}`);
    try {
      history.replaceState(null, "", parts.length ? `#${parts.join("&")}` : location.pathname + location.search);
    } catch { /* some browsers refuse this for files */ }
  }

  function recall() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const range = (text, limit) => {
      if (!text) return null;
      const [a, b] = text.split("-").map(Number);
      return Number.isInteger(a) && a >= 0 && a < limit ? [a, Math.min(limit - 1, Math.max(a, Number.isInteger(b) ? b : a))] : null;
    };
    state.set = range(asked.get("set"), data.sets.length)?.[0] ?? 0;
    state.by = asked.get("by") === "raw" ? "raw" : "values";
    state.sinks = asked.get("sinks") !== "off";
    const set = data.sets[state.set], head = set.heads.indexOf(asked.get("head"));
    if (head >= 0) set.active = set.heads.map((_, n) => n === head);
    const token = range(asked.get("t"), tokens), word = range(asked.get("w"), data.words.length), thing = range(asked.get("thing"), data.things.length);
    if (token) Object.assign(state, { from: token[0], to: token[1] + 1, held: true });
    if (word) Object.assign(state, { from: data.words[word[0]][0], to: data.words[word[1]][1], held: true });
    if (thing) Object.assign(state, { from: data.things[thing[0]][1], to: data.things[thing[0]][2], held: true });
  }

  const buttons = all(".w");
  let start = null;
  const under = (event) => {
    const found = document.elementFromPoint(event.clientX, event.clientY);
    return found && found.matches(".w") ? Number(found.dataset.w) : null;
  };
  const roam = (n) => { // one word can be reached by Tab, the others by arrows
    buttons.forEach((button, place) => { button.tabIndex = place === n ? 0 : -1; });
  };
  $("text").addEventListener("pointerdown", (event) => {
    start = under(event);
    if (start !== null) words(start, start, true);
  });
  $("text").addEventListener("pointermove", (event) => {
    const word = under(event);
    if (word === null) return;
    if (start !== null && event.buttons) words(start, word, true);
    else if (event.pointerType === "mouse" && !state.held) words(word, word, false);
  });
  document.addEventListener("pointerup", () => { start = null; });
  document.addEventListener("pointercancel", () => { start = null; });
  $("text").addEventListener("pointerleave", () => { if (!state.held) whole(); });
  let anchor = 0;
  buttons.forEach((button, n) => {
    button.addEventListener("click", (event) => {
      roam(n);
      if (event.detail === 0) words(n, n, true); // by keyboard
      anchor = n;
    });
    button.addEventListener("keydown", (event) => {
      const next = { ArrowRight: n + 1, ArrowDown: n + 1, ArrowLeft: n - 1, ArrowUp: n - 1, Home: 0, End: buttons.length - 1 }[event.key];
      if (next === undefined || !buttons[next]) return;
      event.preventDefault();
      roam(next);
      buttons[next].focus();
      if (!event.shiftKey) anchor = next;
      words(anchor, next, true);
    });
  });
  if (buttons.length) roam(0);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    whole();
    remember();
  });
  all("#things .chip").forEach((chip, n) => chip.addEventListener("click", () => {
    const [, from, to] = data.things[n], pressed = chip.getAttribute("aria-pressed") === "true";
    if (pressed) { whole(); remember(); } else choose(from, to, true);
  }));

  $("token").addEventListener("input", (event) => choose(Number(event.target.value), Number(event.target.value) + 1, true));
  const scrub = (event) => {
    const place = $("stairs").getBoundingClientRect();
    const token = Math.min(tokens - 1, Math.max(0, Math.floor(((event.clientX - place.left) / place.width) * tokens)));
    choose(token, token + 1, true);
  };
  $("stairs").addEventListener("pointerdown", (event) => {
    $("stairs").setPointerCapture(event.pointerId);
    scrub(event);
  });
  $("stairs").addEventListener("pointermove", (event) => { if (event.buttons) scrub(event); });

  // -- choosing what is shown ----------------------------------------------------------------------------------
  all("input[name=set]").forEach((input) => input.addEventListener("change", () => { state.set = Number(input.value); refresh(); }));
  all("input[name=by]").forEach((input) => input.addEventListener("change", () => { state.by = input.value; refresh(); }));
  $("sinks").addEventListener("change", (event) => { state.sinks = event.target.checked; refresh(); });
  $("overview").addEventListener("change", (event) => { state.overview = event.target.checked; draw(); });
  $("thumbs").hidden = data.cells.every((cell) => cell[6]);
  const only = (n) => {
    const set = data.sets[state.set];
    set.active = set.heads.map((_, place) => n === null || place === n);
    refresh();
  };
  $("head").addEventListener("change", (event) => {
    if (event.target.value !== "some") only(event.target.value === "all" ? null : Number(event.target.value));
  });
  const walk = (by) => {
    const set = data.sets[state.set], single = set.active.filter(Boolean).length === 1;
    const now = single ? set.active.indexOf(true) : by > 0 ? -1 : 0;
    only((now + by + set.heads.length) % set.heads.length);
  };
  $("before").addEventListener("click", () => walk(-1));
  $("after").addEventListener("click", () => walk(1));
  $("all").addEventListener("click", () => only(null));
  $("none").addEventListener("click", () => { data.sets[state.set].active.fill(false); refresh(); });
  new ResizeObserver(draw).observe(document.querySelector(".stage"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("hashchange", () => { recall(); refresh(); });

  recall();
  refresh();
  document.body.dataset.ready = "yes";
})();
