// The connection: messages up, messages down, and what to say when it is lost.

import { $ } from "./state.js";

let socket = null;
let handlers = {};

export function connect(given) {
  handlers = given;
  open();
}

function open() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const mine = new WebSocket(`${scheme}://${location.host}/v1/session`);
  let busy = "";
  socket = mine;
  mine.addEventListener("message", (event) => {
    const message = JSON.parse(event.data);
    if (message.type === "busy") busy = message.message;
    else handlers[message.type]?.(message);
  });
  mine.addEventListener("open", () => {
    $("banner").hidden = true;
  });
  mine.addEventListener("close", (event) => {
    if (mine !== socket) return;
    socket = null;
    handlers.lost?.();
    const why = {
      1009: "That was more than the server takes at once.",
      4000: "The page was quiet for so long that the server let it go.",
      4001: "The page did not keep up with the answer.",
    }[event.code];
    lost(busy || why || "The connection to the server was lost. Is it still running?");
  });
}

function lost(why) {
  const again = document.createElement("button");
  again.type = "button";
  again.textContent = "Try again";
  again.addEventListener("click", () => location.reload());
  $("banner").replaceChildren(why, again);
  $("banner").hidden = false;
}

export function send(message) {
  if (socket?.readyState !== WebSocket.OPEN) return false;
  socket.send(message instanceof ArrayBuffer ? message : JSON.stringify(message));
  return true;
}
