"""The page in Debian's Chromium, from the start of the navigation until it can be used.

    python -m benchmarks.page [--model english] [--runs 7] [--url http://127.0.0.1:8000/]

Each run is a window of its own without a cache, one after the other, the service on loopback. Seen
is when the text box and the first answer stand in the document, when they are painted, and when the
module has taken the box over, so that words are suggested; and what the browser and the service
used of a processor until then, which on a machine that does nothing else would be most of the time.
"""

import argparse
import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import contestants as who
from benchmarks.running import running
from benchmarks.timing import table

CORE = 0
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
PATIENCE = 60_000  # milliseconds
NOTES = """
(() => {
  const seen = window.seen = {};
  const note = (name, there) => { if (there && !(name in seen)) seen[name] = performance.now(); };
  const look = () => {
    const box = document.getElementById("phrase");
    note("answer", box && document.querySelector("#said strong"));
    note("module", box?.hasAttribute("aria-autocomplete") && "answer" in seen);
    if ("module" in seen) document.documentElement.id = "usable";
  };
  const watched = { subtree: true, childList: true, attributeFilter: ["aria-autocomplete"] };
  new MutationObserver(look).observe(document, watched);
})();
"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def _seconds_of(pids: set[int]) -> float:
    """Of a processor, used by processes so far."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(stat[11]) + int(stat[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _below(root: int) -> set[int]:
    """A process and all that it started."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
                children.setdefault(int(parent), []).append(int(folder.name))
    found, unseen = set[int](), [root]
    while unseen:
        found.add(pid := unseen.pop())
        unseen += children.get(pid, [])
    return found


def _first_view(browser: Any, url: str) -> dict[str, float]:
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script(NOTES)
    done: list[Any] = []
    page.on("requestfinished", lambda one: done.append(one))
    before = _seconds_of(_below(os.getpid()))
    page.goto(url, wait_until="commit")
    page.locator("html#usable").wait_for(state="attached", timeout=PATIENCE)
    used = _seconds_of(_below(os.getpid())) - before
    page.wait_for_load_state("networkidle")
    seen: dict[str, float] = page.evaluate("window.seen")
    sizes = [one.sizes() for one in done]
    wire = sum(one["responseBodySize"] + one["responseHeadersSize"] for one in sizes)
    seen |= {"paint": page.evaluate(PAINT), "used": 1e3 * used, "wire": wire / 1e3}
    context.close()
    return seen


@contextlib.contextmanager
def _site(url: str | None, model: str) -> Iterator[str]:
    if url:
        yield url
        return
    service = who.ours("ours", who.ROOT / "models", model)
    with running(service, CORE, "thank you very") as started:
        yield started.url.removesuffix(service.path) + "/"


def main() -> None:
    """Print the medians and the extremes."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="english")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--url")
    told = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with _site(told.url, told.model) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        runs = [_first_view(browser, url) for _ in range(told.runs + 1)][1:]  # one warms both
        browser.close()
    names = {
        "answer": "text box and first answer in the document, ms",
        "paint": "painted, ms",
        "module": "suggestions ready, ms",
        "used": "processor of browser and service, ms",
        "wire": "on the wire, KB",
    }
    rows: list[tuple[object, ...]] = [
        (label, *(f"{of([run[name] for run in runs]):.0f}" for of in (median, min, max)))
        for name, label in names.items()
    ]
    print(table("first view | median | least | most", rows))


if __name__ == "__main__":
    main()
