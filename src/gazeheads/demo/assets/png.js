// A run as a picture: what was shown, what was asked, what was said, in the colours of the page.

import { colourOf, regions, solid } from "./regions.js";
import { outline } from "./stage.js";
import { state } from "./state.js";
import { gazeOf, wordsOf } from "./words.js";

const WIDE = 1200;
const EDGE = 48;

export function toPng() {
  const canvas = document.createElement("canvas");
  canvas.width = WIDE;
  canvas.height = 10;
  canvas.height = paint(canvas.getContext("2d")); // once to measure; setting the height empties it
  paint(canvas.getContext("2d"), canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function paint(pen, height = 0) {
  const { picture, run } = state;
  pen.fillStyle = solid("--paper");
  pen.fillRect(0, 0, WIDE, height);
  const room = WIDE - 2 * EDGE;
  const scale = Math.min(room / picture.width, 620 / picture.height);
  const [wide, high] = [picture.width * scale, picture.height * scale];
  pen.save();
  pen.translate(EDGE + (room - wide) / 2, EDGE);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture.image, 0, 0, wide, high);
  for (const region of regions()) outline(pen, region.target, region.id, wide, high, false);
  pen.restore();
  let y = EDGE + high + 46;
  pen.textBaseline = "alphabetic";
  pen.fillStyle = solid("--ink");
  pen.font = "600 24px system-ui, sans-serif";
  y = flow(pen, run.ask.prompt.split(/\s+/).map((text) => ({ text })), y, 34) + 44;
  y = heading(pen, run.ask.heads === "gaze" ? "steered" : `${run.ask.heads} heads steered`, y);
  y = flow(pen, tinted(run.steered), y, 50) + 50;
  y = heading(pen, "left alone", y);
  y = flow(pen, tinted(run.free), y, 50) + 44;
  pen.font = "16px system-ui, sans-serif";
  pen.fillStyle = solid("--quiet");
  pen.fillText(`gazeheads · ${state.about.model} · tint: steered to · underline: where the heads looked`, EDGE, y);
  return Math.round(y + EDGE - 12);
}

function heading(pen, text, y) {
  pen.font = "600 17px system-ui, sans-serif";
  pen.fillStyle = solid("--quiet");
  pen.fillText(text, EDGE, y);
  pen.font = "500 28px Georgia, serif";
  return y + 38;
}

function tinted(tokens) {
  return wordsOf(tokens).map((word) => {
    const { aim, looked } = gazeOf(tokens, word);
    return { text: word.text, tint: colourOf(aim), under: colourOf(looked.id) };
  });
}

// Words in lines from `y` on; the baseline of the last one.
function flow(pen, words, y, lineHeight) {
  let x = EDGE;
  const space = pen.measureText(" ").width;
  for (const { text, tint, under } of words) {
    const wide = pen.measureText(text).width;
    if (x + wide > WIDE - EDGE && x > EDGE) {
      x = EDGE;
      y += lineHeight;
    }
    if (tint) {
      pen.globalAlpha = 0.26;
      pen.fillStyle = solid(tint);
      pen.beginPath();
      pen.roundRect(x - 3, y - 27, wide + 6, 36, 6);
      pen.fill();
      pen.globalAlpha = 1;
    }
    if (under) {
      pen.fillStyle = solid(under);
      pen.fillRect(x, y + 9, wide, 4);
    }
    pen.fillStyle = solid("--ink");
    pen.fillText(text, x, y);
    x += wide + space;
  }
  return y;
}
