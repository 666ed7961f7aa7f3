"use strict";
// What the desk's pages do beside their forms: live search, a parcel taken from list or map, findings on the map. All of it has a way without script.
document.addEventListener("DOMContentLoaded", () => {
  const at = (id) => document.getElementById(id);
  const map = () => window.deskMaps[0];
  const field = document.querySelector("[data-parcels]"), find = at("find"), list = at("found"), status = at("find-status");

  function take(parcel, from) {
    if (!field) return;
    if (!parcel.apn) { status.textContent = "The parcel there has no number."; return; }
    const there = field.value.split(/[\n,]+/).map((each) => each.trim()).filter(Boolean);
    if (!there.includes(parcel.apn)) there.push(parcel.apn);
    field.value = there.join("\n");
    field.rows = Math.min(8, Math.max(2, there.length));
    if (parcel.box && map()) map().choose(parcel.box, from !== "map");
    status.textContent = `Taken: parcel ${parcel.apn}${parcel.address ? `, ${parcel.address}` : ""}.`;
  }

  if (find) {
    let found = [], chosen = -1, timer = 0, asked = 0;
    const open = (is) => { list.hidden = !is; find.setAttribute("aria-expanded", String(is)); if (!is) find.removeAttribute("aria-activedescendant"); };
    function show() {
      list.replaceChildren(...found.map((parcel, i) => {
        const item = document.createElement("li"), number = document.createElement("b");
        item.id = `found-${i}`; item.setAttribute("role", "option"); item.setAttribute("aria-selected", String(i === chosen));
        number.textContent = parcel.apn; item.append(number, parcel.address);
        item.addEventListener("mousedown", (event) => { event.preventDefault(); pick(i); });
        return item;
      }));
      open(found.length > 0);
      if (chosen >= 0) { find.setAttribute("aria-activedescendant", `found-${chosen}`); at(`found-${chosen}`).scrollIntoView({ block: "nearest" }); }
    }
    function pick(i) { take(found[i], "list"); find.value = ""; found = []; chosen = -1; list.replaceChildren(); open(false); }
    async function search() {
      const said = find.value.trim(), mine = ++asked;
      if (said.length < 2) { found = []; chosen = -1; show(); status.textContent = ""; return; }
      const reply = await fetch(`/search?q=${encodeURIComponent(said)}`);
      if (!reply.ok || mine !== asked) return;
      found = await reply.json(); chosen = -1; show();
      status.textContent = found.length ? `${found.length} ${found.length === 1 ? "parcel" : "parcels"} found.` : "No parcel is numbered or addressed like that. An address begins with the house number.";
    }
    find.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, 120); });
    find.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { found = []; chosen = -1; show(); }
      else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && found.length) { event.preventDefault(); chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + found.length) % found.length; show(); }
    });
    find.form.addEventListener("submit", async (event) => {
      event.preventDefault(); clearTimeout(timer);
      if (chosen < 0) { await search(); if (found.length !== 1) { if (found.length) { chosen = 0; show(); } return; } chosen = 0; }
      pick(chosen);
    });
    find.addEventListener("blur", () => setTimeout(() => open(false), 150));
    document.addEventListener("pick", (event) => { if (event.detail) take(event.detail, "map"); else status.textContent = "No parcel lies there."; });
  }
  const ask = at("ask");
  if (ask) ask.addEventListener("submit", () => { at("ask-status").textContent = "Being worked out …"; });

  const buttons = [...document.querySelectorAll("[data-mark]")];
  if (buttons.length && map()) {
    const marks = buttons.map((button) => ({ at: button.dataset.mark.split(",").map(Number), severity: button.dataset.severity, button, chosen: false }));
    const choose = (mark) => {
      for (const each of marks) { each.chosen = each === mark; each.button.closest("li").classList.toggle("chosen", each === mark); }
      map().mark(marks); map().look([mark.at[0] - 120, mark.at[1] - 120, mark.at[0] + 120, mark.at[1] + 120], 0.9, 3);
    };
    marks.forEach((mark) => mark.button.addEventListener("click", () => choose(mark)));
    document.addEventListener("mark", (event) => { choose(event.detail); event.detail.button.closest("li").scrollIntoView({ block: "nearest" }); });
    map().mark(marks);
  }
});
