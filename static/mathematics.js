// Draws the TeX that stands in data-tex. KaTeX neither follows links nor runs anything it is given; what it cannot
// draw stays as the plain text that is there already.
"use strict";

(() => {
  // The security policy forbids style attributes, but not styles set by a script. KaTeX sets a few (\vec, \pmb) as
  // attributes; while it draws, they are set as the styles they are.
  const setAttribute = Element.prototype.setAttribute;
  Element.prototype.setAttribute = function (name, value) {
    if (name === "style") this.style.cssText = value;
    else setAttribute.call(this, name, value);
  };
  for (const element of document.querySelectorAll("[data-tex]")) {
    const plain = element.textContent;
    try {
      katex.render(element.dataset.tex, element, {
        displayMode: "display" in element.dataset,
        trust: false,
        strict: "ignore",
        throwOnError: true,
        maxExpand: 100,
      });
    } catch {
      element.textContent = plain;
    }
  }
  Element.prototype.setAttribute = setAttribute;
})();
