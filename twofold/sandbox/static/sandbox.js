// Keeps the page live: when the sandbox says that something changed, the main part is fetched again and swapped.
// Without this script the page is whole, only not live.
"use strict";

const status = document.getElementById("status");
const stream = new EventSource("/sandbox/stream");
let busy = false;
let again = false;

stream.addEventListener("open", () => show(true));
stream.addEventListener("error", () => show(false));
stream.addEventListener("changed", refresh);
addEventListener("pagehide", () => stream.close());

function show(live) {
  status.textContent = live ? "live" : "not live";
  status.classList.toggle("live", live);
}

async function refresh() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  const began = performance.now();
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    swap(page.getElementById("live"));
  } catch {
    show(false);
  }
  // A page that takes long to make must not keep the sandbox busy with nothing else.
  await new Promise((done) => setTimeout(done, 2 * (performance.now() - began)));
  busy = false;
  if (again) {
    again = false;
    refresh();
  }
}

function swap(fresh) {
  // A code being typed must not be lost.
  if (fresh && !document.getElementById("live").contains(document.activeElement)) {
    document.getElementById("live").replaceChildren(...fresh.childNodes);
  }
}
