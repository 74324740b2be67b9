"""`unrolled import` as people type it: what it says, what it serves then, and how it refuses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.importing.test_importing import FIXTURES, expected_of


def unrolled(*arguments: str | Path, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", "from app.entry import main; main()", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def test_what_is_imported_predicts_as_keras(tmp_path: Path) -> None:
    source, tokenizer = FIXTURES / "tf-2.15-lstm.h5", FIXTURES / "tf-2.15-plain-4.pickle"
    out = tmp_path / "mine"
    done = unrolled("import", source, "--tokenizer", tokenizer, "--out", out, "--title", "Alice")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(
        f"{source.name}: Embedding, LSTM, Dropout, Dense; 65 classes, 6 timesteps\n"
        f"{tokenizer.name}: 64 words\n"
        "tokenizer: 'keras'\n"
    )
    assert "no file says (model.json can be corrected):\n  padding: 'pre'\n\n" in done.stdout
    assert done.stdout.endswith("this folder can be served\n")
    assert json.loads((out / "model.json").read_text())["title"] == "Alice"
    answers = [answer for answer in expected_of("tf-2.15-lstm") if answer["ids"]]
    assert len(answers) >= 19
    phrases = "".join(answer["phrase"].replace("\n", " ") + "\n" for answer in answers)
    said = unrolled("predict", "-m", out, "--json", "-k", "64", stdin=phrases)
    for line, answer in zip(said.stdout.splitlines(), answers, strict=True):
        for prediction in json.loads(line)["predictions"]:
            wanted = answer["probabilities"][prediction["id"]]
            assert prediction["probability"] == pytest.approx(wanted, abs=1e-5)


def test_a_folder_that_is_there_and_a_file_that_is_not(tmp_path: Path) -> None:
    source, tokenizer = FIXTURES / "tf-2.15-lstm.h5", FIXTURES / "tf-2.15-plain-4.pickle"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("precious")
    done = unrolled("import", source, "--tokenizer", tokenizer, "--out", tmp_path / "mine")
    assert (done.returncode, done.stdout) == (3, "")
    assert "--overwrite replaces it" in done.stderr
    done = unrolled("import", tmp_path / "no.h5", "--out", tmp_path / "other")
    assert done.returncode == 3
    assert "no.h5 cannot be read: No such file or directory" in done.stderr


def test_texts_that_are_not_utf_8(tmp_path: Path) -> None:
    source, tokenizer = FIXTURES / "tf-2.15-lstm.h5", tmp_path / "words.json"
    known = json.loads((FIXTURES / "tf-2.15-plain.tokenizer.json").read_text())
    tokenizer.write_text(json.dumps(known))
    title = os.fsdecode(b"\xff")
    done = unrolled(
        "import", source, "--tokenizer", tokenizer, "--out", tmp_path / "a", "--title", title
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "a" / "model.json").read_text())["title"] == "\ufffd"
    for option in ("filters", "split"):
        changed = known if isinstance(known, dict) else json.loads(known)
        changed = {**changed, "config": {**changed["config"], option: "\ud800"}}
        tokenizer.write_text(json.dumps(changed))
        done = unrolled("import", source, "--tokenizer", tokenizer, "--out", tmp_path / "b")
        assert (done.returncode, done.stdout) == (3, "")
        assert "filters and split are no texts" in done.stderr
