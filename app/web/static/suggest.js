// Word suggestions for any text box: attach(textarea, {url, model, key}) -> {refresh, detach}.
// A combobox (https://www.w3.org/WAI/ARIA/apg/patterns/combobox/): Tab takes the first suggestion
// or the chosen one, arrows choose, 1-9 take one by its number, Escape hides them all. Asks
// /v1/suggest of an Unrolled service. No styles: see docs/text-box.md.

// Replace what lies between two characters, counted as the service does (an emoji is one); what is
// there already stays. execCommand keeps the browser's undo; setRangeText is for where it is gone.
export function insert(box, text, [from, to]) {
  const here = [...box.value], given = [...text];
  while (from < to && here[from] === given[0]) from += given.splice(0, 1).length;
  const [start, end] = [from, to].map((at) => here.slice(0, at).join("").length), rest = given.join("");
  box.focus();
  box.setSelectionRange(start, end);
  if (document.execCommand?.("insertText", false, rest)) return;
  box.setRangeText(rest, start, end, "end");
  box.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertText" }));
}

const CLOSES = /^[.,!?;:…)\]}]$/; // takes the place of the space that an accepted word brought
let boxes = 0;
export function attach(box, { url = "", model, key, count = 5, numbers = true, wait = 120 } = {}) {
  const root = url.replace(/\/?$/, "/");
  const [list, live] = ["ul", "p"].map((tag) => document.createElement(tag));
  const id = `unrolled-suggestions-${++boxes}`;
  let found = { suggestions: [], replace: [0, 0] }, chosen = -1, shown = false, composing = false, spaced = -1;
  let timer, speaking, running;
  Object.assign(list, { id, className: "unrolled-suggestions" });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Suggestions");
  live.setAttribute("role", "status");
  live.className = "unrolled-live sr";
  const attributes = { "aria-autocomplete": "list", "aria-haspopup": "listbox", "aria-controls": id, autocomplete: "off" };
  const single = box.tagName === "INPUT"; // a textarea stays a text box of many lines, ARIA says
  if (single) Object.assign(attributes, { role: "combobox", "aria-expanded": "false" });
  for (const [name, value] of Object.entries(attributes)) box.setAttribute(name, value);
  box.after(list, live);

  const cursor = () => box.selectionStart === box.selectionEnd ? box.selectionStart : -1;
  const option = (name) => (typeof name === "function" ? name() : name);
  async function fetchSuggestions(text, signal) {
    const secret = option(key);
    const answer = await fetch(`${root}v1/suggest`, {
      method: "POST", signal, body: JSON.stringify({ text, count, model: option(model) || undefined }),
      headers: secret ? { Authorization: `Bearer ${secret}` } : {},
    });
    return answer.ok ? answer.json() : null;
  }

  async function refresh() {
    const at = cursor(), text = box.value.slice(0, at);
    running?.abort();
    if (at < 0 || composing) return hide();
    running = new AbortController();
    try {
      const answer = await fetchSuggestions(text, running.signal);
      if (cursor() === at && box.value.slice(0, at) === text) show(answer);
    } catch (error) {
      if (error.name !== "AbortError") hide();
    }
  }

  function show(answer) {
    found = answer ?? { suggestions: [], replace: [0, 0] };
    chosen = -1;
    list.replaceChildren(...found.suggestions.map((one, index) => {
      const item = document.createElement("li");
      item.id = `${id}-${index}`;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", "false");
      item.textContent = one.text.trim();
      return item;
    }));
    shown = found.suggestions.length > 0;
    if (single) box.setAttribute("aria-expanded", String(shown));
    box.removeAttribute("aria-activedescendant");
    clearTimeout(speaking); // once typing rests, not at every letter
    speaking = setTimeout(() => {
      live.textContent = shown ? `${list.children.length} suggestions: ${[...list.children].map((one) => one.textContent).join(", ")}` : "";
    }, 800);
  }

  const hide = () => show(null), later = () => { clearTimeout(timer); timer = setTimeout(refresh, wait); };
  function choose(step) {
    const size = list.children.length;
    list.children[chosen]?.setAttribute("aria-selected", "false");
    chosen = chosen < 0 ? (step > 0 ? 0 : size - 1) : (chosen + step + size) % size;
    list.children[chosen].setAttribute("aria-selected", "true");
    box.setAttribute("aria-activedescendant", list.children[chosen].id);
  }

  function accept(index) {
    insert(box, found.suggestions[index].text, found.replace);
    spaced = cursor();
    hide();
    later();
  }

  const listeners = {
    input: (event) => { spaced = -1; if (!event.isComposing) later(); },
    compositionstart: () => { composing = true; },
    compositionend: () => { composing = false; later(); },
    blur: () => { clearTimeout(timer); running?.abort(); },
    keydown: (event) => {
      const { key: pressed } = event;
      if (event.isComposing || composing || event.ctrlKey || event.metaKey) return;
      if (spaced > 0 && spaced === cursor() && box.value[spaced - 1] === " " && CLOSES.test(pressed)) box.setSelectionRange(spaced - 1, spaced);
      if (event.altKey || !shown) return;
      const number = numbers && /^[1-9]$/.test(pressed) ? Number(pressed) - 1 : -1;
      const oneLine = !box.value.includes("\n");
      if (pressed === "Tab" && !event.shiftKey) accept(Math.max(chosen, 0));
      else if (pressed === "Enter" && chosen >= 0) accept(chosen);
      else if (number >= 0 && number < found.suggestions.length) accept(number);
      else if (pressed === "Escape") hide();
      else if (pressed === "ArrowDown" && (oneLine || chosen >= 0)) choose(1);
      else if (pressed === "ArrowUp" && (oneLine || chosen >= 0)) choose(-1);
      else return;
      event.preventDefault();
    },
  };
  const clicked = (event) => {
    const index = [...list.children].indexOf(event.target.closest("li"));
    event.preventDefault(); // the box keeps the focus
    if (index >= 0) accept(index);
  };
  for (const [name, listener] of Object.entries(listeners)) box.addEventListener(name, listener);
  list.addEventListener("mousedown", clicked);

  return {
    refresh,
    detach() {
      for (const [name, listener] of Object.entries(listeners)) box.removeEventListener(name, listener);
      for (const name of Object.keys(attributes)) box.removeAttribute(name);
      [timer, speaking].forEach(clearTimeout);
      running?.abort();
      [list, live].forEach((one) => one.remove());
    },
  };
}
