"""Keystrokes saved by Presage, Debian's word predictor, and by a model here, with equal slots.

    apt-get install presage
    python -m benchmarks.presage held-out.txt.gz … [--lines 100] [--slots 3 5] [--model english]

Both are typed to by the same code, letter by letter, and a word is taken as soon as it is shown.
Presage is as it is installed (n-grams of one novel, and what it learns on the way), but for how
many words it shows; it does not repeat what it has shown for a word, which is `fresh` here.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path

from app.folder.read import load_model
from app.keystrokes import keys_for, keystrokes, words_typed
from app.training.text.corpus import read_lines
from benchmarks.contestants import ROOT

_INSTALLED = Path("/etc/presage.xml")
_NUMBER = "<num>"
_START = ". "  # before the first word: it shows nothing before anything is typed


class Presage:
    """Its demonstration program, which takes a piece of text a line and shows what may follow.

    One process for each sentence; what it learns stays in `home`.
    """

    def __init__(self, home: Path, slots: int) -> None:
        self._config = home / "presage.xml"
        shown = f"<SUGGESTIONS>{slots}</SUGGESTIONS>"
        told = re.sub(r"<SUGGESTIONS>\d+</SUGGESTIONS>", shown, _INSTALLED.read_text())
        self._config.write_text(told)
        self._home = home

    def keys(self, words: list[str]) -> int:
        """Keys that a sentence takes."""
        environment = {**os.environ, "HOME": str(self._home)}
        command = ["presage_demo_text", "-c", str(self._config)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            keys = keys_for(words, _Sentence(process).offered)
            process.kill()
        return keys


class _Sentence:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._keyboard, self._screen = process.stdin, process.stdout
        self._typed, self._shown = "", self._after(_START)

    def offered(self, text: str) -> set[str]:
        """What the text becomes with each of the words shown."""
        for letter in text[len(self._typed) :]:
            self._shown = self._after(letter)
        self._typed = text
        begun = text[: text.rfind(" ") + 1]
        return {f"{begun}{word} " for word in self._shown}

    def _after(self, piece: str) -> list[str]:
        self._keyboard.write(f"{piece}\n")
        self._keyboard.flush()
        words: list[str] = []
        for line in self._screen:
            shown = line.strip().removeprefix("> ")  # which stands before the first thing shown
            if shown.startswith("-- Context:"):
                return words
            words.append(shown.lower())
        raise SystemExit("presage_demo_text ended")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", type=Path, nargs="+")
    parser.add_argument("--lines", type=int, default=100, help="of each text, the first ones")
    parser.add_argument("--slots", type=int, nargs="+", default=[3, 5])
    parser.add_argument("--model", default="english")
    told = parser.parse_args()
    if shutil.which("presage_demo_text") is None:
        sys.exit("presage is missing: apt-get install presage")
    model = load_model(ROOT / "models" / told.model)
    print("| text | slots | Presage | Unrolled | Unrolled, fresh |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for text in told.texts:
        lines = list(islice(read_lines(text), told.lines))
        typed = [words_typed(line, _NUMBER) for line in lines]
        without = sum(len(word) + 1 for words in typed for word in words)
        for slots in told.slots:
            with tempfile.TemporaryDirectory() as home:
                presage = Presage(Path(home), slots)
                theirs = 1 - sum(map(presage.keys, typed)) / without
            ours, fresh = (keystrokes(model, lines, slots, fresh=one) for one in (False, True))
            saved = f"{theirs:.1%} | {ours.saved:.1%} | {fresh.saved:.1%}"
            print(f"| {text.name} | {slots} | {saved} |", flush=True)


if __name__ == "__main__":
    main()
