"""Model folders that were made to hurt, read in a process that has little memory."""

import json
import random
import resource
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from app.errors import CardError
from app.folder.card import parse_card
from tests.attack.scale import say, scaled
from tests.keras_files import write_folder

SEED = 20261126
MUTATIONS = scaled(60, 2_000)
MEMORY = 1 << 30  # bytes of address space; NumPy and HDF5 take about half of it
READ = """
import sys
from pathlib import Path
from app.errors import ModelError
from app.folder.read import load_model
for folder in sorted(Path(sys.argv[1]).iterdir()):
    try:
        load_model(folder)
        print("loaded", folder.name)
    except ModelError as error:
        print("refused", folder.name, str(error).splitlines()[0][:200])
"""


def mutated(content: bytes, chance: random.Random) -> bytes:
    """A file that was cut, overwritten somewhere, or had a piece doubled."""
    at, size = chance.randrange(len(content)), chance.randrange(1, 64)
    kind = chance.choice(["cut", "overwrite", "double"])
    if kind == "cut":
        return content[:at]
    middle = chance.randbytes(size) if kind == "overwrite" else content[at : at + size] * 2
    return content[:at] + middle + content[at + size :]


def write_bombs(folder: Path) -> None:
    """Files that say they are larger than they are, or are larger than they say."""
    sound = write_folder(folder / "bomb-none")
    for name, size in (("sparse-1t", 1 << 40), ("sparse-2g", 2 << 30), ("sparse-100m", 100 << 20)):
        for file in ("model.keras", "vocabulary.json"):
            shutil.copytree(sound, folder / f"bomb-{name}-{file}")
            with (folder / f"bomb-{name}-{file}" / file).open("r+b") as stream:
                stream.truncate(0)
                stream.truncate(size)
    for name, members in (
        ("zeros", {"config.json": b"{}", "model.weights.h5": bytes(400 << 20)}),
        ("deep", {"config.json": b"[" * 1_000_000, "model.weights.h5": b""}),
        ("wide", {"config.json": b'{"a": [' + b"0," * 1_900_000 + b"0]}", "model.weights.h5": b""}),
    ):
        shutil.copytree(sound, folder / f"bomb-{name}")
        with zipfile.ZipFile(
            folder / f"bomb-{name}" / "model.keras", "w", zipfile.ZIP_DEFLATED
        ) as archive:
            for member, content in members.items():
                archive.writestr(member, content)
    shutil.copytree(sound, folder / "bomb-words")
    words = {f"word {number}": number for number in range(1, 500_000)}
    (folder / "bomb-words" / "vocabulary.json").write_text(json.dumps(words))
    shutil.copytree(sound, folder / "bomb-json")
    (folder / "bomb-json" / "vocabulary.json").write_bytes(b'{"a":' * 3_000_000)


def test_hostile_folders_are_refused_within_little_memory(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    folders = tmp_path / "folders"
    write_bombs(folders)
    sound = folders / "bomb-none"
    for number in range(MUTATIONS):
        mutant = shutil.copytree(sound, folders / f"mutant-{number}")
        file = mutant / chance.choice(["model.keras", "vocabulary.json"])
        file.write_bytes(mutated(file.read_bytes(), chance))
    done = subprocess.run(
        [sys.executable, "-c", READ, str(folders)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        capture_output=True,
        text=True,
        timeout=3000,
    )
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert len(lines) == len(list(folders.iterdir()))
    loaded = [line.split()[1] for line in lines if line.startswith("loaded")]
    # Half a million words of which the network has classes for five: the others are unknown words.
    bombs = sorted(name for name in loaded if name.startswith("bomb-"))
    assert bombs == ["bomb-none", "bomb-words"]
    say(f"{len(lines)} hostile folders in {MEMORY >> 20} MB: {len(lines) - len(loaded)} refused")


def test_a_card_of_a_megabyte_names_no_more_pairs_than_memory_has() -> None:
    """500,000 bytes beside 500,000 are 5,000 million pairs."""
    words = [f"w{number}" for number in range(400)]
    rule = {"after": words, "words": words}
    with pytest.raises(CardError, match="more than 100000 pairs"):
        parse_card(json.dumps({"blocked_after": [rule]}).encode())
    rule["words"] = words[:250]
    assert len(parse_card(json.dumps({"blocked_after": [rule]}).encode()).blocked_after) == 1


def test_a_title_does_not_paint_the_terminal(tmp_path: Path) -> None:
    card = json.dumps({"title": "one\x1b[31m\ntwo"}).encode()
    folder = write_folder(tmp_path / "models" / "one")
    (folder / "model.json").write_bytes(card)
    shown = CliRunner().invoke(app, ["models", "--models-dir", str(folder.parent)])
    assert "\x1b" not in shown.output
    assert "one\\x1b[31m\\ntwo" in shown.output
