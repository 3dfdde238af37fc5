// Keyboard on pages with papers. Everything here has a way without JavaScript; nothing here changes the page's words.
"use strict";

(() => {
  const papers = () => [...document.querySelectorAll(".papers > li .paper")];
  const current = () => document.activeElement?.closest(".paper");
  const titleOf = (paper) => paper?.querySelector("h2 a, h3 a");

  function move(step) {
    const all = papers();
    const at = all.indexOf(current());
    const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1);
    titleOf(all[next])?.focus();
  }

  // "s" on a list saves the paper in hand, on a paper's own page that paper.
  function press(kind) {
    (current() ?? document.querySelector("main article")).querySelector(`.reactions button[value="${kind}"]`)?.click();
  }

  // What the server wrote in UTC, in the reader's own zone and manner.
  const manner = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const instant of document.querySelectorAll("time[data-local]")) {
    instant.textContent = manner.format(new Date(instant.dateTime));
  }

  const keys = {
    "/": () => document.querySelector("main input[type=search], input[type=search]")?.focus(),
    j: () => move(1),
    k: () => move(-1),
    s: () => press("save"),
    u: () => press("upvote"),
    "?": () => document.getElementById("keys")?.showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
})();
