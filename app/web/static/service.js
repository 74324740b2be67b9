// How the page talks to its own service: relative addresses, the key, problems, files.

export const root = new URL("../", import.meta.url);
const KEY = "unrolled-key";
export const key = () => sessionStorage.getItem(KEY) ?? "";
export const keyed = document.body.hasAttribute("data-keyed");

export class Problem extends Error {
  constructor(document) {
    super(document.detail);
    this.document = document;
  }
}

export async function ask(path, body, signal) {
  const headers = { "content-type": "application/json" };
  if (key()) headers.authorization = `Bearer ${key()}`;
  const options = body === undefined ? { headers, signal } : { method: "POST", headers, signal, body: JSON.stringify(body) };
  const answer = await fetch(new URL(path, root), options).catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new Problem({ title: "The service does not answer", detail: "Try again in a moment." });
  });
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({ title: "The service has a fault", detail: "" }));
  if (answer.status === 401) askForKey(key() ? "That key does not open it." : "");
  throw new Problem(problem);
}

function askForKey(hint) {
  document.getElementById("key-form").hidden = false;
  if (hint) document.getElementById("key-hint").textContent = hint;
}

// `ready` runs once there may be a key, and after every new one.
export function withKey(ready) {
  const form = document.getElementById("key-form");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(KEY, document.getElementById("key").value.trim());
    form.hidden = true;
    ready();
  });
  if (!keyed) return;
  form.hidden = Boolean(key());
  if (key()) ready();
}

export function show(problem, choose) {
  const place = document.getElementById("problem");
  place.replaceChildren();
  if (!problem) return;
  const { title, detail, unknown = [], errors = [] } = problem.document ?? { title: "Something failed", detail: String(problem) };
  line(place, `${title}. `, "strong").append(detail || "", errors.length ? ` ${errors.map((one) => one.message).join("; ")}.` : "");
  for (const { word, span, suggestions } of unknown) {
    if (!suggestions.length) continue;
    const said = line(place, `For “${word}”, did you mean `);
    for (const suggestion of suggestions) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = suggestion;
      button.addEventListener("click", () => choose(span, suggestion));
      said.append(button, " ");
    }
  }
}

function line(place, text, tag) {
  const said = document.createElement("p");
  if (tag) {
    const strong = document.createElement(tag);
    strong.textContent = text;
    said.append(strong);
  } else said.append(text);
  place.append(said);
  return said;
}

export function parsed(html) {
  return new DOMParser().parseFromString(`<body>${html}`, "text/html").body;
}

export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export async function picturePng(svg, width, height) {
  const image = new Image();
  image.src = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [2 * width, 2 * height];
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(image.src);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}
