// The page: what each button does, and what comes from the server.

import { choose, manner, pace, radios, setManner, setUp } from "./controls.js";
import { connect, send } from "./net.js";
import { toPng } from "./png.js";
import { clearShapes, newPicture, resize, takeShapes, useTool } from "./pointer.js";
import { begin, hear, lookAt, speaking, stop, stopsOf, textOf } from "./run.js";
import { bytesOf, checked, download, fromLink, toJson, toLink } from "./share.js";
import { drawStage } from "./stage.js";
import { $, changed, complain, forgive, onChange, state } from "./state.js";
import { targetOf } from "./regions.js";
import { drawTimeline } from "./timeline.js";
import { drawTour, tourStops } from "./tour.js";
import { drawWords, pick } from "./words.js";

let kind = window.innerWidth < 620 ? "short" : "strip";
let seed = 0;
let waiting = null; // a saved run that waits for its picture
let trouble = ""; // with the link that led here, told once another picture is shown

onChange(() => {
  drawStage();
  drawWords();
  drawTimeline();
  drawTour();
  $("generate").textContent = speaking() ? "Stop" : "Generate";
});

// ------------------------------------------------------------------------------------------------ pictures

function show() {
  forgive("picture", "target", "say");
  send({ type: "show", sample: `${kind}-${seed}` });
}

async function picture(message) {
  const image = new Image();
  image.src = `data:image/png;base64,${message.png}`;
  await image.decode();
  state.picture = { ...message, image };
  newPicture();
  complain("picture", trouble);
  trouble = "";
  $("name").textContent = message.sample || message.note || "your image";
  for (const button of $("kinds").children) {
    button.setAttribute("aria-pressed", message.sample?.startsWith(`${button.dataset.kind}-`) ? "true" : "false");
  }
  useTool(state.tool === "hover" && !message.panels.length ? "box" : state.tool);
  for (const button of $("tools").children) choose(button, button.dataset.tool === state.tool);
  if (waiting) return play();
  const scene = !message.panels.length || message.sample?.startsWith("scene");
  if (!$("prompt").dataset.mine) $("prompt").value = state.about.presets[scene ? "List the objects" : "Tell the story"];
  prepare();
  changed();
}

function prepare() {
  if (state.picture && $("prompt").value.trim() && !speaking()) send({ type: "prepare", prompt: $("prompt").value });
}

// A picture, or a saved run: its first character tells.
async function bring(file) {
  if (!file) return;
  if ((await file.slice(0, 64).text()).trimStart().startsWith("{")) {
    try {
      replay(checked(JSON.parse(await file.text())));
    } catch (error) {
      waiting = null;
      complain("picture", `${file.name}: ${error.message}`);
    }
    return;
  }
  const most = state.about.limits.upload_bytes;
  if (file.size > most) {
    complain("picture", `${file.name} has ${(file.size / 1e6).toFixed(1)} MB; ${most / 1e6} MB are the most. Save it smaller.`);
    return;
  }
  forgive("picture");
  send(await file.arrayBuffer());
}

// ------------------------------------------------------------------------------------------------ asking

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  if (speaking()) return stop();
  if (!$("prompt").value.trim()) return complain("prompt", "There is no question. Write one, or take one of these.");
  if (!state.picture) return complain("picture", "No image is shown. Choose one first.");
  const ask = { prompt: $("prompt").value, ...manner() };
  const stops = state.tool === "tour" ? tourStops(ask.tokens) : [];
  if (!stops.length && state.aim !== null) stops.push({ token: 0, id: state.aim, target: targetOf(state.aim) });
  begin(ask, stops, pace());
});

$("prompt").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    $("ask").requestSubmit();
  }
});
$("prompt").addEventListener("input", () => {
  $("prompt").dataset.mine = "yes";
  forgive("prompt");
});
$("prompt").addEventListener("change", prepare);

function replay(saved) {
  waiting = saved;
  forgive("picture", "say");
  if (saved.picture.sample) {
    [kind, seed] = [saved.picture.sample.split("-")[0], Number(saved.picture.sample.split("-")[1])];
    show();
  } else if (saved.picture.png) send(bytesOf(saved.picture.png));
  else complain("picture", "This run does not hold its image.");
}

function play() {
  const saved = waiting;
  waiting = null;
  takeShapes(saved.shapes);
  const { prompt, ...how } = saved.ask;
  setManner(how);
  $("prompt").value = prompt;
  $("prompt").dataset.mine = "yes";
  begin(saved.ask, saved.stops, pace(), saved.text);
}

// ------------------------------------------------------------------------------------------------ buttons

radios($("tools"), (data) => {
  useTool(data.tool);
  for (const button of $("tools").children) choose(button, button.dataset.tool === data.tool);
});
$("another").addEventListener("click", () => {
  seed = Math.floor(Math.random() * 100_000);
  show();
});
$("upload").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", () => {
  bring($("file").files[0]);
  $("file").value = "";
});
$("free").addEventListener("click", () => lookAt(null));
$("clear").addEventListener("click", clearShapes);
$("size").addEventListener("input", (event) => resize(Number(event.target.value)));
$("replay").addEventListener("click", () => begin(state.run.ask, stopsOf(state.run.steered), pace(), textOf(state.run.steered)));
$("json").addEventListener("click", () => {
  download(new Blob([JSON.stringify(toJson())], { type: "application/json" }), "gaze.json");
});
$("png").addEventListener("click", async () => download(await toPng(), "gaze.png"));
$("link").addEventListener("click", async () => {
  const link = await toLink();
  if (!link) return void ($("shared").textContent = "A link cannot hold your image. Save the JSON: it does.");
  $("link").dataset.link = link;
  try {
    await navigator.clipboard.writeText(link);
    $("shared").textContent = "The link is in the clipboard.";
  } catch {
    location.hash = new URL(link).hash;
    $("shared").textContent = "The link is in the address bar.";
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && state.picked) pick(null);
});

for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", name === "dragover");
    if (name === "drop") bring(event.dataTransfer.files[0]);
  });
}
document.addEventListener("paste", (event) => bring(event.clipboardData.files[0]));
new ResizeObserver(changed).observe($("drop"));

const dark = matchMedia("(prefers-color-scheme: dark)");
function theme(name) {
  document.documentElement.dataset.theme = name;
  changed();
}
theme(localStorage.getItem("theme") ?? (dark.matches ? "dark" : "light"));
dark.addEventListener("change", () => localStorage.getItem("theme") ?? theme(dark.matches ? "dark" : "light"));
$("theme").addEventListener("click", () => {
  const name = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("theme", name);
  theme(name);
});

// ------------------------------------------------------------------------------------------------ the beginning

function chip(text, chosen, data = {}) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = text;
  Object.assign(button.dataset, data);
  button.addEventListener("click", chosen);
  return button;
}

connect({
  ...hear,
  picture,
  error(message) {
    if (message.where !== "target") waiting = null; // its picture did not come
    hear.error(message);
  },
  lost() {
    if (state.run) state.run.speaking = false;
    changed();
  },
  async hello(about) {
    state.about = about;
    setUp(about);
    $("about").textContent = `${about.model}: ${about.k} of ${about.layers * about.heads} attention heads follow your cursor.`
      + (about.bundled ? " It knows doodles only; of photographs it understands little." : "");
    $("version").textContent = `gazeheads ${about.version}.`;
    $("kinds").replaceChildren(
      ...Object.entries(about.kinds).map(([name, text]) =>
        chip(text, () => {
          kind = name;
          show();
        }, { kind: name }),
      ),
    );
    $("presets").replaceChildren(
      ...Object.entries(about.presets).map(([name, text]) =>
        chip(name, () => {
          $("prompt").value = text;
          $("prompt").dataset.mine = "yes";
          forgive("prompt");
          prepare();
        }),
      ),
    );
    try {
      const saved = await fromLink();
      if (saved) return replay(saved);
    } catch (error) {
      waiting = null;
      trouble = `The link cannot be read: ${error.message}`;
    }
    show();
  },
});
