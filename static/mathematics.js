// Draws the TeX that stands in data-tex. KaTeX neither follows links nor runs anything it is given.
"use strict";

for (const element of document.querySelectorAll("[data-tex]")) {
  katex.render(element.dataset.tex, element, {
    displayMode: "display" in element.dataset,
    trust: false,
    strict: "ignore",
    throwOnError: false,
    maxExpand: 100,
  });
}
