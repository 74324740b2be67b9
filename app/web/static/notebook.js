// The notebook, live: train on the server, go back and forth through the epochs here.

import { ask, download, key, keyed, parsed, show, withKey } from "./service.js";

const $ = (id) => document.getElementById(id);
const form = $("ask"), tour = $("tour");
let running;

const numeric = ["window", "units", "epochs", "seed"];
const asked = () => ({ text: $("text").value, ...Object.fromEntries(numeric.map((name) => [name, Number($(name).value)])) });

async function train() {
  if (keyed && !key()) return;
  running?.abort();
  running = new AbortController();
  tour.classList.add("busy");
  try {
    const html = await (await ask("page/notebook", asked(), running.signal)).text();
    tour.replaceChildren(...parsed(html).childNodes);
    show(null);
    history.replaceState(null, "", `?${new URLSearchParams(asked())}`);
    $("heard").textContent = $("trained").textContent;
    equip();
  } catch (error) {
    if (error.name !== "AbortError") show(error);
  } finally {
    tour.classList.remove("busy");
  }
}

const signed = (value, digits = 4) => value.toFixed(digits).replace("-", "−");
const flat = (values) => values.flat(2).slice(0, 24).map((value) => signed(value)).join("  ") + (values.flat(2).length > 24 ? ` … ${values.flat(2).length} in all` : "");

// h = tanh(x·W + h·U + b), p = softmax(h·V + c): every list has its weights' names in Keras.
function forward(weights, ids) {
  const W = weights["simple_rnn/kernel"][0], U = weights["simple_rnn/recurrent_kernel"], b = weights["simple_rnn/bias"];
  const V = weights["dense/kernel"], c = weights["dense/bias"];
  let h = b.map(() => 0);
  for (const x of ids) h = b.map((bias, unit) => Math.tanh(x * W[unit] + h.reduce((sum, state, i) => sum + state * U[i][unit], 0) + bias));
  const y = c.map((bias, word) => h.reduce((sum, state, i) => sum + state * V[i][word], bias));
  const most = Math.max(...y), e = y.map((logit) => Math.exp(logit - most)), total = e.reduce((sum, one) => sum + one, 0);
  return { h, p: e.map((one) => one / total) };
}

function travel({ words, ids, history: records }, index) {
  const { epoch, loss, weights } = records[index];
  $("epoch-now").textContent = epoch;
  $("loss-now").textContent = loss.toFixed(4);
  $("epoch").setAttribute("aria-valuetext", `${epoch}, loss ${loss.toFixed(4)}`);
  [...$("weights-now").rows].forEach((row, at) => { row.cells[1].textContent = flat(Object.values(weights)[at]); });
  [...$("answers-now").rows].forEach((row, at, rows) => {
    if (at === rows.length - 1 && !$("reveal").open) return; // it is to be guessed first
    const { h, p } = forward(weights, ids[at]), best = p.indexOf(Math.max(...p));
    row.cells[1].textContent = flat(h);
    row.cells[1].className = "sum";
    row.cells[2].textContent = `${words[best]} ${(100 * p[best]).toFixed(2)} %`;
  });
  const line = tour.querySelector(".picture .line"), dot = tour.querySelector(".picture .now");
  const points = line.getAttribute("d").slice(1).split("L").map((point) => point.split(" "));
  const [x, y] = points[Math.round(index / Math.max(records.length - 1, 1) * (points.length - 1))];
  dot.setAttribute("cx", x);
  dot.setAttribute("cy", y);
}

function equip() {
  const data = $("history") && JSON.parse($("history").textContent);
  if (!data) return;
  $("slider").hidden = data.history.length < 2;
  $("print").hidden = false;
  $("guessed").hidden = false;
  const now = () => travel(data, Number($("epoch").value));
  $("epoch").addEventListener("input", now);
  $("reveal").addEventListener("toggle", now);
}

tour.addEventListener("submit", (event) => {
  event.preventDefault();
  const guess = new FormData(event.target).get("guess"), right = $("guess").dataset.answer;
  if (!guess) return;
  $("verdict").textContent = guess === right ? `Yes: “${right}”.` : `It answers “${right}”, not “${guess}”. The calculation below says why.`;
  $("reveal").open = true;
});
tour.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-file],a[data-epochs]");
  if (event.target.id === "print") print();
  if (!link) return;
  event.preventDefault();
  if (link.dataset.epochs) {
    $("epochs").value = link.dataset.epochs;
    return train();
  }
  try {
    const { pathname } = new URL(link.href);
    const path = pathname.slice(pathname.indexOf("/v1/") + 1);
    download(await (await ask(path, asked())).blob(), link.dataset.file);
  } catch (error) {
    show(error);
  }
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  train();
});
withKey(train);
equip();
