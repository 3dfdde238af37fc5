// Offers the browser's time zone beside the list of zones; a newcomer, who has none yet, gets it preselected.
const field = document.querySelector("[data-time-zone-guess]");
const list = field?.querySelector("select");
const guess = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (list && guess !== list.value && [...list.options].some((option) => option.value === guess)) {
  if (field.dataset.timeZoneGuess === "preselect") {
    list.value = guess;
  } else {
    const offer = document.createElement("button");
    offer.type = "button";
    offer.className = "as-link helptext";
    offer.textContent = field.dataset.timeZoneOffer.replace("{zone}", guess.replaceAll("_", " "));
    offer.addEventListener("click", () => { list.value = guess; offer.remove(); list.focus(); });
    field.append(offer);
  }
}
