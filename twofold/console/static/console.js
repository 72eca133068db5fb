// What the pages do beyond reading: a choice is shown at once, and Live goes on by itself. Text goes in as text only.
"use strict";

for (const select of document.querySelectorAll(".asked select")) {
  select.addEventListener("change", () => {
    // Whoever chooses from the list means the list, and not days that were typed and not sent.
    if (select.name === "period") for (const day of select.form.querySelectorAll("[name=from], [name=to]")) day.value = day.defaultValue;
    select.form.requestSubmit();
  });
}

// On a phone the pages stand in one line that can be pushed aside: the own one is in sight.
const here = document.querySelector("nav .pages [aria-current]");
if (here) {
  const line = here.parentElement;
  line.scrollLeft = here.offsetLeft - line.offsetLeft - (line.clientWidth - here.offsetWidth) / 2;
}

const live = document.getElementById("live");
if (live && !live.dataset.still) {
  const state = document.getElementById("live-state");
  const button = document.getElementById("live-pause");
  const most = 200;
  let position = Number(live.dataset.position);
  let stream = null;

  const cell = (row, kind, name, text, classes = "") => {
    const made = document.createElement(kind);
    if (name) made.dataset.name = name;
    if (kind === "th") made.scope = "row";
    made.className = classes;
    made.textContent = text;
    row.append(made);
    return made;
  };
  const names = [...live.querySelectorAll("thead th")].map((th) => th.textContent);
  const show = (copy) => {
    const row = document.createElement("tr");
    row.className = "fresh";
    cell(row, "td", names[0], new Date(copy.received_at).toLocaleTimeString(document.documentElement.lang), "plain");
    const action = document.createElement("a");
    action.href = `${live.dataset.actions}${Number(copy.action)}`;
    action.textContent = copy.event_name;
    cell(row, "th", "", "").append(action);
    const seen = cell(row, "td", names[2], "", "plain");
    const tag = document.createElement("span");
    tag.className = `tag ${copy.channel === "browser" ? "browser" : "server"}`;
    tag.textContent = live.dataset[copy.channel];
    seen.append(tag);
    cell(row, "td", names[3], copy.sender, "plain");
    cell(row, "td", names[4], live.dataset[copy.verdict] || copy.verdict, "plain");
    cell(row, "td", names[5], copy.event_id, "code wrap plain");
    live.tBodies[0].prepend(row);
    while (live.tBodies[0].rows.length > most) live.tBodies[0].lastElementChild.remove();
  };
  const go = () => {
    stream = new EventSource(`${live.dataset.stream}?after=${position}`);
    stream.onmessage = (message) => {
      const copy = JSON.parse(message.data);
      if (copy.position <= position) return;
      position = copy.position;
      if (!live.dataset.event || copy.event_name === live.dataset.event) show(copy);
    };
    stream.addEventListener("ended", () => {
      stop();
      state.textContent = state.dataset.ended;
      button.hidden = true;
    });
    stream.onerror = () => {
      // The browser would ask again with the old position: what was shown would be shown twice.
      if (!stream) return;
      stop();
      setTimeout(go, 2000);
    };
    state.textContent = state.dataset.live;
    button.textContent = button.dataset.pause;
  };
  const stop = () => {
    stream.close();
    stream = null;
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    if (stream) {
      stop();
      state.textContent = state.dataset.paused;
      button.textContent = button.dataset.go;
    } else {
      go();
    }
  });
  go();
}

// A test purchase: the page is loaded again as soon as a further step is there, for as long as something is awaited.
const trial = document.querySelector("[data-again]");
if (trial) {
  const until = Date.now() + (trial.dataset.open ? 1800000 : 60000);
  const look = async () => {
    if (Date.now() > until) return;
    try {
      const answer = await fetch(`${location.pathname}.json${location.search}`);
      if (!answer.ok) return;
      const rows = (await answer.text()).trim().split("\n").map((line) => JSON.parse(line));
      if (rows.filter((row) => row.what === "step" && row.done).length !== Number(trial.dataset.again)) {
        location.reload();
        return;
      }
    } catch {
      // The gateway or the network rests; the next look may find it.
    }
    setTimeout(look, 2000);
  };
  setTimeout(look, 2000);
}

// What a chart says of the place under the pointer or the finger, at once.
for (const chart of document.querySelectorAll("figure.chart")) {
  const reading = chart.querySelector(".reading");
  const show = (event) => {
    const slot = event.target.closest(".slot");
    if (slot) reading.textContent = slot.querySelector("title").textContent;
  };
  chart.addEventListener("pointermove", show);
  chart.addEventListener("pointerdown", show);
}
