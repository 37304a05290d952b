// Adds filter, sort, search and reading of points to pages that are whole without it.
"use strict";

// ---- tables: filter, sort, search
const waiting = {};
// Called by the script file that holds all rows of a long table.
function qiRows(name, html) { waiting[name](html); }

function listing(table) {
  const form = document.querySelector(`form[data-for="${table.id}"]`);
  const body = table.tBodies[0];
  const search = form.querySelector("input");
  const selects = [...form.querySelectorAll("select")];
  const output = form.querySelector("output");
  const pages = document.querySelector("nav.pages");
  let isWhole = !table.dataset.rest;

  function whole(then) {
    if (isWhole) { then(); return; }
    output.textContent = "Reading all rows …";
    waiting[table.id] = (html) => {
      body.innerHTML = html;
      isWhole = true;
      if (pages) pages.hidden = true;
      then();
    };
    const script = document.createElement("script");
    script.src = table.dataset.rest;
    document.head.append(script);
  }

  const text = (row, column) => row.cells[column].textContent.trim();

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = selects.filter((select) => select.value).map((select) => [Number(select.dataset.place), select.value]);
    let shown = 0;
    for (const row of body.rows) {
      const all = row.textContent.toLowerCase();
      const fits = words.every((word) => all.includes(word)) && wanted.every(([place, value]) => row.dataset.f.split("¦")[place] === value);
      row.hidden = !fits;
      shown += fits;
    }
    output.textContent = `${shown.toLocaleString("en-GB")} of ${body.rows.length.toLocaleString("en-GB")} shown`;
  }

  function value(row, column) {
    const cell = row.cells[column];
    if (cell.dataset.v !== undefined) return cell.dataset.v;
    const plain = text(row, column);
    const amount = parseFloat(plain.replace(/,/g, "").replace("−", "-"));
    return cell.classList.contains("n") ? (Number.isNaN(amount) ? -Infinity : amount) : plain.toLowerCase();
  }

  function sort(head, column) {
    const isUp = head.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", isUp ? "ascending" : "descending");
    const rows = [...body.rows].map((row) => [value(row, column), row]);
    rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (isUp ? 1 : -1));
    body.append(...rows.map(([, row]) => row));
  }

  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => whole(() => { sort(head, column); filter(); }));
  });
  search.addEventListener("input", () => whole(filter));
  selects.forEach((select) => select.addEventListener("change", () => whole(filter)));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
}

// ---- charts: read the points by mouse, finger or arrow keys
function chart(frame) {
  const canvas = frame.querySelector(".canvas");
  const image = canvas.querySelector("img, svg");
  const table = document.getElementById(frame.dataset.table) ?? document.querySelector("table.data");
  const isNear = frame.hasAttribute("data-near");
  const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  const points = frame.dataset.points.split(" ").map((pair) => pair.split(",").map(Number));
  const [width, height] = [image.width, image.height].map((_, i) => Number(image.getAttribute(["width", "height"][i])));
  const spot = document.createElement("span");
  const tip = document.createElement("div");
  spot.className = "spot";
  tip.className = "tip";
  tip.setAttribute("role", "status");
  spot.hidden = tip.hidden = true;
  canvas.append(spot, tip);
  let at = -1;

  function show(index) {
    at = Math.max(0, Math.min(points.length - 1, index));
    const cells = [...table.tBodies[0].rows[at].cells];
    const title = document.createElement("b");
    title.textContent = cells[0].textContent;
    const lines = cells.slice(1).map((cell, i) => [heads[i + 1], cell.textContent.trim()]).filter(([, each]) => each !== "–");
    tip.replaceChildren(title);
    for (const [name, each] of lines) {
      const line = document.createElement("div");
      line.textContent = name === "What it shows" ? each : `${name}: ${each}`;
      tip.append(line);
    }
    const [x, y] = points[at];
    spot.style.left = tip.style.left = `${(100 * x) / width}%`;
    tip.style.transform = x > width / 2 ? "translateX(calc(-100% - 14px))" : "translateX(14px)";
    spot.style.top = `${(100 * y) / height}%`;
    spot.hidden = y === undefined;
    tip.hidden = false;
  }
  if (!isNear) frame.scrollLeft = frame.scrollWidth;
  function hide() { spot.hidden = tip.hidden = true; }

  frame.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: points.length - 1 };
    if (event.key in steps) { event.preventDefault(); show(steps[event.key]); }
    if (event.key === "Escape") hide();
  });
  frame.addEventListener("focus", () => { if (at < 0) at = points.length - 1; show(at); });
  frame.addEventListener("blur", hide);
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * width;
    const y = ((event.clientY - box.top) / box.height) * height;
    // A series is read along its time, other drawings by what is nearest.
    const distance = ([px, py]) => Math.hypot(px - x, isNear ? py - y : 0);
    let nearest = 0;
    points.forEach((place, index) => { if (distance(place) < distance(points[nearest])) nearest = index; });
    show(nearest);
  });
  canvas.addEventListener("pointerleave", () => { if (document.activeElement !== frame) hide(); });
}

document.querySelectorAll("table.listing").forEach(listing);
document.querySelectorAll(".chart").forEach(chart);
