// Looking inside: type, step, edit, compare. The server draws every part; this swaps them in.

import { ask, download, key, keyed, parsed, picturePng, root, show, withKey } from "./service.js";
import { attach, insert } from "./suggest.js";

const $ = (id) => document.getElementById(id);
const phrase = $("phrase"), model = $("model"), answer = $("answer"), tried = $("experiments");
let at = addressed(), weights = null, timer, stale = false;
const running = {}; // by part

// What the address says of the step that is read; without it the server chooses.
function addressed(query = location.search) {
  const wanted = new URLSearchParams(query), found = {};
  for (const name of ["t", "unit"]) if (wanted.get(name)) found[name] = Number(wanted.get(name));
  if (wanted.get("layer")) found.layer = wanted.get("layer");
  return found;
}

const asked = () => ({ phrase: phrase.value.trim(), model: model.value || null, ...at, weights });

async function swap(part, place, extra = {}) {
  running[part]?.abort();
  if (part === "answer") running.experiments?.abort(); // they are of the answer before; it is not of them
  const { signal } = (running[part] = new AbortController());
  place.classList.add("busy");
  try {
    const html = await (await ask("page/look", { ...asked(), part, ...extra }, signal)).text();
    put(place, parsed(html));
    show(null);
    return true;
  } catch (error) {
    if (error.name !== "AbortError") show(error, replaceWord);
    return false;
  } finally {
    if (!signal.aborted) place.classList.remove("busy");
  }
}

// Part by part: what is folded stays folded, what is being edited stays as it is, focus stays.
function put(place, fresh) {
  const parts = [...fresh.children];
  const known = parts.every((part) => !part.id || $(part.id));
  if (!known || !place.children.length) {
    place.replaceChildren(...parts);
  } else {
    for (const part of parts) {
      const old = part.id && $(part.id);
      if (!old || (old.id === "part-weights" && weights)) continue; // the browser's undo goes on
      const focused = old.contains(document.activeElement) && document.activeElement;
      if (old.tagName === "DETAILS") part.open = old.open;
      const rolled = old.querySelector("#form-rolled")?.checked;
      old.replaceWith(part);
      if (rolled) $("form-rolled").checked = true;
      if (focused) same(focused, old, part)?.focus({ preventScroll: true });
    }
    for (const old of [...place.children]) if (old.id && !parts.some((part) => part.id === old.id) && parts.length > 1) old.remove();
  }
  equip();
}

// What takes the place of a control that had the focus.
function same(focused, old, part) {
  const row = rows(old).indexOf(focused);
  if (row >= 0) return stop(rows(part).at(row) ?? rows(part).at(-1));
  const { step, layer } = focused.dataset;
  if (layer) return [...part.querySelectorAll("a[data-layer]")].find((one) => one.dataset.layer === layer);
  if (focused.type === "reset") return part.querySelector("input");
  return part.querySelector(`[data-step="${step}"]`) ?? part.querySelector("#stepper") ?? part.querySelector("summary");
}

// The terms are a grid of one tab stop: the row that is read (or was read last).
const rows = (part) => [...part.querySelectorAll("tr[data-term]")];
function stop(row) {
  for (const one of rows(row.closest("table"))) one.tabIndex = one === row ? 0 : -1;
  return row;
}

const say = (text) => { $("heard").textContent = text; };

function equip() {
  for (const button of document.querySelectorAll(".copy")) button.hidden = !navigator.clipboard;
  if ($("save-png")) $("save-png").hidden = false;
  for (const code of document.querySelectorAll("pre code")) {
    code.textContent = code.textContent.replaceAll("http://127.0.0.1:8000", root.href.replace(/\/$/, ""));
  }
  light();
}

async function look({ push = true, aloud = true } = {}) {
  if (keyed && !key()) return;
  if (!(await swap("answer", answer))) return;
  remember(push);
  if (aloud) say($("said").textContent.replace("→", ""));
  document.title = `${phrase.value.trim() || "…"} · Unrolled`;
  stale = true;
  if (visible.has(tried)) more();
}

async function more(other) {
  stale = false;
  await swap("experiments", tried, other ? { other } : {});
}

function remember(push) {
  const address = new URL($("permalink")?.getAttribute("href") ?? "", location.href);
  history[push ? "pushState" : "replaceState"](null, "", address);
}

function replaceWord(span, word) {
  const before = phrase.value.length - phrase.value.trimStart().length; // what was asked is trimmed
  insert(phrase, word, span.map((at) => before + at));
  clearTimeout(timer);
  fresh();
}

// Another phrase is read from its end; while one types, suggestions are said, not answers.
function fresh(aloud = true) {
  at = at.layer ? { layer: at.layer } : {};
  look({ aloud });
}

// --- steps

async function step(link) {
  at = addressed(new URL(link.href).search);
  if (!(await swap("arithmetic", answer))) return;
  say($("part-arithmetic").dataset.said);
  const address = new URL(location.href);
  for (const [name, value] of Object.entries({ phrase: phrase.value.trim(), model: model.value, ...at })) address.searchParams.set(name, value);
  address.hash = "";
  history.replaceState(null, "", address);
  if ($("permalink")) $("permalink").href = address.search;
}

function light(term) {
  const { t, unit, layer } = $("part-arithmetic")?.dataset ?? {};
  for (const lit of document.querySelectorAll("svg .lit")) lit.classList.remove("lit");
  const terms = term === "state" || term === "sum" ? "" : term && `path[data-term="${term}"][data-t="${t}"][data-layer="${layer}"]`;
  const cells = `g[data-t="${t}"][data-layer="${layer}"],g[data-t="${t}"][data-unit="${unit}"]`;
  for (const one of document.querySelectorAll(`.picture :is(${[cells, terms].filter(Boolean).join(",")})`)) one.classList.add("lit");
}

const ARROWS = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };
const ROWS = {
  ArrowUp: (at) => Math.max(at - 1, 0), ArrowDown: (at, last) => Math.min(at + 1, last), Home: () => 0, End: (_, last) => last,
};
answer.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const row = event.target.closest("tr[data-term]"), move = row && ROWS[event.key];
  const stepper = event.target.closest("#stepper");
  if (move) {
    const all = rows(stepper);
    stop(all[move(all.indexOf(row), all.length - 1)]).focus();
  } else if (stepper && ARROWS[event.key]) {
    const link = stepper.querySelector(`[data-step="${ARROWS[event.key]}"]`);
    if (link) step(link);
  } else return;
  event.preventDefault();
});
answer.addEventListener("click", async (event) => {
  const link = event.target.closest("[data-step]"), layer = event.target.closest("a[data-layer]"), copy = event.target.closest(".copy");
  if (link) {
    event.preventDefault();
    step(link);
  } else if (layer) {
    event.preventDefault();
    at = addressed(new URL(layer.href).search);
    look({ push: false });
  } else if (copy) {
    const code = copy.closest(".snippet").querySelector("code").textContent;
    await navigator.clipboard.writeText(code);
    copy.firstChild.textContent = "Copied";
    say("Copied");
  } else if (event.target.id === "save-png" || event.target.id === "save-svg") {
    event.preventDefault();
    save(event.target.id === "save-png");
  }
});
for (const kind of ["pointerover", "focusin"]) {
  answer.addEventListener(kind, ({ type, target }) => {
    const row = target.closest?.("tr[data-term]");
    if (row && type === "focusin") stop(row);
    light(row?.dataset.term);
  });
}

async function save(png) {
  try {
    const form = $("form-rolled").checked ? "rolled" : "unrolled";
    const response = await ask("v1/diagram.svg", { phrase: phrase.value.trim(), model: model.value || null, form, weights });
    const svg = await response.text();
    if (!png) return download(new Blob([svg], { type: "image/svg+xml" }), "unrolled.svg");
    const [, width, height] = /width="([\d.]+)" height="([\d.]+)"/.exec(svg);
    download(await picturePng(svg, Number(width), Number(height)), "unrolled.png");
  } catch (error) {
    show(error);
  }
}

// --- weights

answer.addEventListener("input", ({ target }) => {
  if (!target.closest("#weights")) return;
  clearTimeout(timer);
  timer = setTimeout(() => {
    const now = edited();
    if (!now) return;
    weights = now;
    look({ push: false });
  }, 150);
});
answer.addEventListener("reset", (event) => {
  event.preventDefault();
  clearTimeout(timer); // an edit that was not asked about yet
  weights = null;
  look({ push: false });
});

function edited() {
  const fields = [...document.querySelectorAll("#weights fieldset")];
  $("weights").toggleAttribute("data-changed", true);
  if (fields.some((field) => [...field.querySelectorAll("input")].some((input) => !input.validity.valid || input.value === ""))) return null;
  return Object.fromEntries(fields.map((field) => {
    const rows = [...field.querySelectorAll(".numbers")].map((row) => [...row.children].map((input) => Number(input.value)));
    return [field.dataset.name, field.dataset.shape.includes(",") ? rows : rows[0]];
  }));
}

// --- the form

const suggestions = attach(phrase, { url: root.href, model: () => model.value, key });
$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(timer);
  fresh();
});
phrase.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.defaultPrevented) return;
  event.preventDefault();
  $("ask").requestSubmit();
});
phrase.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(fresh, 450, false);
});
model.addEventListener("change", () => {
  clearTimeout(timer);
  weights = null;
  at = {};
  suggestions.refresh();
  fresh();
});
tried.addEventListener("submit", (event) => {
  event.preventDefault();
  more($("other").value.trim());
});
tried.addEventListener("click", (event) => {
  if (event.target.id !== "more") return;
  event.preventDefault();
  more();
});
addEventListener("popstate", () => location.reload());

const visible = new Set();
new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) visible[isIntersecting ? "add" : "delete"](target);
  if (visible.has(tried) && (stale || $("more"))) more();
}, { rootMargin: "200px" }).observe(tried);

const compact = (count) => (count < 1e5 ? count.toLocaleString("en") : `${(count / 1e6).toFixed(1)}M`);

withKey(async () => {
  try {
    const { data } = await (await ask("v1/models")).json();
    const wanted = new URLSearchParams(location.search);
    model.replaceChildren(...data.map((one) => new Option(`${one.title ?? one.id} · ${compact(one.parameters)} weights`, one.id)));
    model.value = wanted.get("model") ?? (data.some((one) => one.id === "english") ? "english" : data[0].id);
    if (!phrase.value) phrase.value = JSON.parse(model.dataset.examples)[model.value] ?? "";
    look({ push: false });
  } catch (error) {
    show(error);
  }
});
equip();
