"""The command as people run it: output, JSON, pipes and exit codes."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app import __version__
from tests.conftest import MODELS
from tests.keras_files import write_folder


def unrolled(*arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", "from app.entry import main; main()", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def test_it_says_its_version() -> None:
    done = unrolled("--version")
    assert (done.returncode, done.stdout) == (0, f"unrolled {__version__}\n")


def test_predict_shows_bars_without_colour_in_a_pipe() -> None:
    done = unrolled("predict", "-m", "notebook", "this is")
    assert done.returncode == 0
    assert "an       46.7509%" in done.stdout
    assert "\x1b[" not in done.stdout


def test_json_has_the_http_answer_s_fields_a_line_a_phrase() -> None:
    done = unrolled("predict", "-m", "notebook", "--json", stdin="this is\nis this\n")
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["phrase"], first["next_word"]) == ("this is", "an")
    assert first["predictions"][0] == {"word": "an", "id": 2, "probability": 0.46750897}
    assert second["phrase"] == "is this"


@pytest.mark.parametrize(
    ("arguments", "streams", "code"),
    [
        ("predict -m notebook", "<&-", 0),
        ("models --json", ">&-", 0),
        ("predict -m notebook zzz", "<&- >&- 2>&-", 4),
    ],
)
def test_a_closed_stream_is_an_empty_one(arguments: str, streams: str, code: int) -> None:
    start = f"exec {sys.executable} -c 'from app.entry import main; main()' {arguments} {streams}"
    done = subprocess.run(["sh", "-c", start], stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, "")


def test_what_is_written_is_utf_8_whatever_the_locale_is() -> None:
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", "from app.entry import main; main()"]
    command += ["predict", "-m", "notebook", "this is"]
    done = subprocess.run(command, env={**os.environ, **locale}, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "█" in done.stdout.decode()


def test_an_empty_name_of_a_model_is_not_the_default_s() -> None:
    done = unrolled("predict", "-m", "", "this is")
    assert (done.returncode, done.stderr) == (3, "unrolled: the name of the model is empty\n")


def test_explain_shows_the_notebook_s_hand_calculation() -> None:
    done = unrolled("explain", "-m", "notebook", "this is")
    for line in (
        "tanh(3.0 × -2.1041462 + 0.0 × 0.42572525 + -0.42550597)",
        "= tanh(-6.737945)",
        "= -0.9999972",
        "tanh(1.0 × -2.1041462 + -0.9999972 × 0.42572525 + -0.42550597)",
        "= -0.99459434",
        "logits: [-1.5883551, -1.000689, 1.8420448, -0.8857199, 1.8248894]",
    ):
        assert line in done.stdout


def test_score_has_a_line_a_word() -> None:
    done = unrolled("score", "-m", "notebook", "this is an")
    assert "46.7509%" in done.stdout
    assert "perplexity 8.90" in done.stdout


def test_compare_puts_one_phrase_in_all_orders() -> None:
    done = unrolled("compare", "-m", "notebook", "this is")
    lines = done.stdout.splitlines()
    assert lines[0].split()[::3] == ["phrase", "probability", "answer"]
    assert lines[1].split() == ["this", "is", "an", "46.75%", "0.0000", "0.0000"]
    assert lines[2].split()[:4] == ["is", "this", "an", "46.79%"]
    assert lines[3] == "one bag of words; both distances are from the first phrase"


@pytest.mark.parametrize(("form", "has"), [("unrolled", "h −0.9946"), ("rolled", "h, 2 ×")])
def test_diagram_writes_svg(form: str, has: str) -> None:
    done = unrolled("diagram", "-m", "notebook", "--form", form, "this is")
    assert done.returncode == 0
    assert done.stdout.startswith("<svg ")
    assert has in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("predict", "-m", "notebook", "thsi"), 4, "'thsi': this?"),
        (("predict", "-m", "notebook", ""), 4, "no words"),
        (("predict", "-m", "nope", "this"), 3, "there is no model 'nope'"),
        (("check", "nowhere"), 3, "there is no model 'nowhere'"),
        (("models", "--models-dir", "nowhere"), 3, "from nowhere: there is no such folder"),
        (("train", "nowhere.txt", "--out", "out"), 5, "nowhere.txt cannot be read"),
        (("train",), 2, "name a text file"),
        (("train", "--recipe", "nope"), 2, "there is no recipe"),
        (("train", "README.md", "--out", "README.md"), 2, "README.md is there, and is not a model"),
        (("train", "README.md", "--out", "models"), 2, "models is there, and is not a model"),
        (("train", "README.md", "--out", "my model"), 2, "cannot be a model's name"),
        (("train", "README.md", "--out", "/dev/null/x"), 7, "Not a directory"),
        (("train", "README.md", "--start", "<unk>"), 2, "the same word"),
        (("train", "README.md", "--from", "models/english", "--layers", "2"), 2, "no --layers"),
        (("train", "README.md", "--from", "models/english", "--units", "9"), 3, "does not shrink"),
        (
            ("train", "README.md", "--from", "models/english", "--slow-units", "9"),
            3,
            "does not shrink",
        ),
        (("train", "README.md", "--units", "4", "--slow-units", "5"), 5, "more than 4 units"),
        (("train", "README.md", "--from", "models/notebook"), 3, "cannot be trained further"),
        (("train", "README.md", "--teacher", "models/english"), 3, "has the run's own words"),
        (("train", "README.md", "--epochs", "-1"), 2, "--epochs: Input should be greater than 0"),
        (("train", "--notebook", "--out", "out", "--epochs", "0"), 2, "--epochs: Input should be"),
        (("train", "README.md", "--epochs", "inf"), 2, "--epochs: Input should be a finite"),
        (("train", "README.md", "--dropout", "1"), 2, "--dropout: Input should be less than 1"),
        (("train", "README.md", "--clip-norm", "inf"), 2, "--clip-norm: Input should be a finite"),
        (("serve", "--port", "80000"), 2, "UNROLLED_PORT"),
        (("fly",), 2, "No such command"),
        (("predict", "--top-k", "0", "this"), 2, "top-k"),
    ],
)
def test_each_kind_of_error_has_its_exit_code(
    arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = unrolled(*arguments)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        ("--recipe english --seed 1", "--seed"),
        ("--recipe english --no-lowercase", "--lowercase"),
        ("--recipe english --from models/english", "--from"),
        ("--recipe english --teacher models/english", "--teacher"),
        ("--recipe english README.md", "CORPUS"),
        ("--recipe ptb README.md --seed 1", "CORPUS"),
        ("README.md --data models", "--data"),
        ("README.md --taught 0.3", "--taught"),
        ("--recipe ptb --taught 0.3", "--taught"),
        ("--notebook --units 3", "--units"),
        ("--notebook --resume", "--resume"),
        ("--notebook --recipe ptb", "--recipe"),
        ("--notebook README.md", "CORPUS"),
        ("--recipe english --words --epochs 1", "--epochs"),
        ("--recipe english --words --notebook", "--notebook"),
        ("--recipe english --words --tensorboard logs", "--tensorboard"),
    ],
)
def test_no_option_of_training_is_passed_over(tmp_path: Path, arguments: str, option: str) -> None:
    done = unrolled("train", "--out", str(tmp_path / "mine"), *arguments.split())
    assert done.returncode == 2
    assert f"Invalid value for {option}: it has no effect with" in done.stderr
    assert [*tmp_path.iterdir()] == []


def test_a_recipe_in_stages_takes_the_options_of_all_and_one_without_takes_any(
    tmp_path: Path,
) -> None:
    (tmp_path / "text.txt").write_text("good night to you\nhave a nice day\n" * 30)
    head = 'sources = [{ file = "text.txt" }]\nunits = 8\nembedding = 4\nepochs = 1\n'
    (tmp_path / "whole.toml").write_text(head)
    (tmp_path / "two.toml").write_text(
        head + '[[stage]]\nname = "one"\n[[stage]]\nname = "two"\nfrom = "one"\nseed = 2\n'
    )
    seeds = {}
    for recipe, more in (("whole", ("--seed", "3")), ("whole", ()), ("two", ("--resume",))):
        out = tmp_path / "mine"
        where = ("--data", str(tmp_path), "--out", str(out), "--overwrite")
        done = unrolled("train", "--recipe", str(tmp_path / f"{recipe}.toml"), *where, *more)
        assert done.returncode == 0, done.stderr
        training = json.loads((out / "model.json").read_text())["training"]
        seeds[recipe, more] = training["recipe"]["seed"], "started_from" in training
    assert [*seeds.values()] == [(3, False), (0, False), (2, True)]


@pytest.mark.parametrize(
    "option",
    [
        ("--units", "1" + "0" * 40),
        ("--embedding", "1" + "0" * 40),
        ("--collocations", "1" + "0" * 40),
        ("--units", "65537"),
    ],
)
def test_a_size_that_no_array_has_is_none(tmp_path: Path, option: tuple[str, str]) -> None:
    done = unrolled("train", "README.md", "--out", str(tmp_path / "mine"), *option)
    assert done.returncode == 2
    assert f"{option[0]}" in done.stderr
    assert "less than or equal to" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("this --column phrase", "are for --input"),
        ("this --workers 2", "are for --input"),
        ("--input README.md --output words.csv.gz", "lines of JSON: name it .jsonl"),
    ],
)
def test_options_of_files_are_not_passed_over(arguments: str, told: str) -> None:
    done = unrolled("predict", "-m", "notebook", *arguments.split())
    assert done.returncode == 2
    assert told in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("predict", "-m", "notebook", "zebra"), 4),
        (("predict", "-m", "nope", "this"), 3),
        (("serve", "--port", "80000"), 2),
        (("serve", "--models-dir", "nowhere"), 3),
        (("fly",), 2),
    ],
)
def test_what_cannot_be_said_changes_no_exit_code(arguments: tuple[str, ...], code: int) -> None:
    command = [sys.executable, "-c", "from app.entry import main; main()", *arguments]
    with open("/dev/full", "w") as full:
        assert subprocess.run(command, stderr=full, check=False).returncode == code


def test_a_signal_that_comes_while_a_line_is_written_may_be_heeded() -> None:
    """No code of ours runs while the buffer is locked, in which a handler that flushes it fails."""
    code = "import app.cli, sys; app.cli._open_streams(); print(type(sys.stderr.buffer.raw))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "<class '_io.FileIO'>\n"


def test_keys_that_cannot_be_read_are_told_of_before_models_are_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("UNROLLED_API_KEYS_FILE", "nowhere")
    done = unrolled("serve", "--models-dir", "nowhere")
    assert (done.returncode, "UNROLLED_API_KEYS_FILE" in done.stderr) == (2, True)


def test_links_in_a_circle_are_no_folder(tmp_path: Path) -> None:
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    for arguments in (
        ("serve", "--models-dir", f"{circle}"),
        ("models", "--models-dir", f"{circle}"),
        ("check", f"{circle}"),
        ("import", f"{circle}", "--out", f"{tmp_path / 'out'}"),
    ):
        done = unrolled(*arguments)
        assert done.returncode in (3, 7)
        assert "Traceback" not in done.stderr
        assert "circle" in done.stderr


def test_a_pipe_that_closes_early_ends_the_command_as_it_ends_cat() -> None:
    code = "from app.entry import main; main()"
    command = [sys.executable, "-c", code, "score", "-m", "notebook", "--json"]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command, input=b"this is\n" * 5000, stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, b"")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_phrase_that_is_not_utf_8_is_one_bad_phrase(encoding: str) -> None:
    command = [sys.executable, "-c", "from app.entry import main; main()"]
    done = subprocess.run(
        [*command, "predict", "-m", "notebook", "--json"],
        input=b"this \xff\nthis is\r\n",
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 4
    assert json.loads(done.stderr)["unknown"][0]["word"] == "\ufffd"
    assert json.loads(done.stdout)["phrase"] == "this is"


def test_texts_of_a_command_line_that_are_not_utf_8(tmp_path: Path) -> None:
    """Bytes that are none are U+FFFD, as in a file; in the name of a file they are escaped."""
    bad, text = os.fsdecode(b"\xff"), tmp_path / os.fsdecode(b"a\xff.txt")
    text.write_text("this is an\nthis is an\n")
    notebook = ("-m", "notebook", "--json")
    done = unrolled("predict", *notebook, "--prefix", bad, "this is")
    assert json.loads(done.stdout)["prefix"] == "\ufffd"
    files = ("--input", str(text), "--output", str(tmp_path / "o.jsonl"))
    assert unrolled("predict", "-m", "notebook", *files, "--prefix", bad).returncode == 0
    assert json.loads((tmp_path / "o.jsonl").read_text().splitlines()[0])["prefix"] == "\ufffd"
    done = unrolled("suggest", *notebook, "--recent", bad, "--exclude", bad, "this is ")
    assert json.loads(done.stdout)["suggestions"][0]["words"] == ["an"]
    done = unrolled("compare", "--json", f"{bad} this", "is")
    assert json.loads(done.stdout)["results"][0]["phrase"] == "\ufffd this"
    assert "\ufffd" in unrolled("diagram", f"{bad} this").stdout
    small = ("--embedding", "4", "--units", "4", "--epochs", "1")
    text.write_text("good night to you\nhave a nice day\n" * 30)
    folder = str(tmp_path / "mine")
    done = unrolled("train", str(text), "--out", folder, *small)
    assert done.returncode == 0, done.stderr
    assert json.loads(Path(folder, "model.json").read_text())["corpus"] == ["a?.txt"]
    for more in ((), ("--keystrokes",)):
        done = unrolled("evaluate", folder, str(text), "--json", "--write-card", *more)
        assert json.loads(done.stdout)["text"] == "a\\udcff.txt", done.stderr


def test_one_bad_phrase_does_not_stop_the_others() -> None:
    done = unrolled("predict", "-m", "notebook", "--json", "zebra", "this is")
    assert done.returncode == 4
    assert json.loads(done.stdout)["next_word"] == "an"
    assert json.loads(done.stderr)["code"] == "unknown_words"


def test_a_model_is_trained_checked_evaluated_and_asked(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("good night to you\nhave a nice day\n" * 30)
    out = str(tmp_path / "mine")
    small = ("--embedding", "4", "--units", "8", "--epochs", "2", "--max-length", "6")
    trained = unrolled("train", str(text), "--out", out, *small)
    assert trained.returncode == 0, trained.stderr
    assert "validation perplexity" in trained.stdout
    checked = unrolled("check", out, "--json")
    assert checked.returncode == 0, checked.stderr
    facts = json.loads(checked.stdout)
    assert facts["vocabulary_size"] == 8 + 2
    if facts["largest_difference_from_keras"]:
        assert facts["largest_difference_from_keras"]["hidden_states"] < 1e-5
    evaluated = unrolled("evaluate", out, str(text), "--json", "--write-card")
    measured = json.loads(evaluated.stdout)
    card = json.loads(Path(out, "model.json").read_text())
    kept = card["metrics"]["evaluation"]["text.txt"]
    assert kept["perplexity"] == pytest.approx(measured["perplexity"], abs=1e-3)
    assert unrolled("predict", "-m", out, "good").returncode == 0


def test_a_run_is_followed_in_tensorboard(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    text, out, logs = tmp_path / "text.txt", str(tmp_path / "mine"), str(tmp_path / "logs")
    text.write_text("this is an example\nis this an example\n" * 200)
    options = ("--epochs", "2", "--units", "4", "--embedding", "4", "--batch-size", "100")
    trained = unrolled("train", str(text), "--out", out, "--tensorboard", logs, *options)
    assert trained.returncode == 0, trained.stderr
    events = accumulator.EventAccumulator(logs, size_guidance={"tensors": 0})  # all of them
    events.Reload()
    read = {
        tag: [(event.step, event.tensor_proto.float_val[0]) for event in events.Tensors(tag)]
        for tag in events.Tags()["tensors"]
    }
    assert read.keys() == {"loss", "words_per_second", "validation_perplexity"}
    steps = [step for step, _ in read["loss"]]
    assert steps == list(range(1, len(steps) + 1))
    assert read["loss"][-1][1] < read["loss"][0][1]
    last = read["validation_perplexity"][-1]
    assert last[0] == steps[-1]
    assert f"validation perplexity {last[1]:.2f}" in trained.stdout


def test_inspect_prints_the_summary_and_the_card() -> None:
    done = unrolled("inspect", "notebook")
    assert "simple_rnn (SimpleRNN)" in done.stdout
    assert "Total params: 13" in done.stdout
    assert '"max_length": 2' in done.stdout


def test_inspect_has_one_model_named_in_either_way() -> None:
    by_name, by_option = unrolled("inspect", "notebook"), unrolled("inspect", "-m", "notebook")
    assert by_name.stdout == by_option.stdout != ""
    both = unrolled("inspect", "notebook", "-m", "english")
    assert (both.returncode, both.stdout) == (2, "")
    assert "one model at a time: notebook, or -m english" in both.stderr
    empty = unrolled("inspect", "")  # of a variable that is not set, perhaps
    assert (empty.returncode, empty.stderr) == (3, "unrolled: the name of the model is empty\n")


@pytest.mark.parametrize("command", ["train", "import"])
def test_what_is_done_only_when_asked_has_no_option_against_it(command: str) -> None:
    done = unrolled(command, "there-is-none", "--out", "there-is-none", "--no-overwrite")
    assert done.returncode == 2
    assert "No such option: --no-overwrite" in done.stderr


def test_the_options_of_training_say_which_bound_is_refused(tmp_path: Path) -> None:
    listed = re.sub(r"\s+", " ", unrolled("train", "--help").stdout)
    text = tmp_path / "text.txt"
    text.write_text("once upon a time\n" * 100)
    for option, bound, said in (("dropout", "1", "below 1."), ("epochs", "0", "above 0.")):
        [one] = re.findall(rf" --{option} <float.*?\]", listed)
        assert said in one
        done = unrolled("train", str(text), "--out", str(tmp_path / "out"), f"--{option}", bound)
        assert done.returncode == 2, done.stderr


def test_check_names_what_is_wrong_with_a_folder(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "cut")
    content = (folder / "model.keras").read_bytes()
    (folder / "model.keras").write_bytes(content[:1000])
    done = unrolled("check", str(folder))
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "unrolled: model.keras is damaged, or not a .keras archive\n"


def test_the_list_of_commands_says_what_each_does_to_the_end() -> None:
    listed = unrolled("--help").stdout
    assert "import" in listed
    assert "..." not in listed.partition("Commands:")[2]


def test_asking_for_help_loads_neither_numpy_nor_tensorflow() -> None:
    code = (
        "import sys\n"
        "from app.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "print('loaded', sorted({'numpy', 'tensorflow', 'fastapi'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "loaded []" in done.stdout


def test_serving_imports_nothing_of_training_and_has_garbage_collected_again() -> None:
    code = (
        "import gc, socket, sys\n"
        "from app.entry import main\n"
        "def taken(*_):\n    raise OSError(98, 'Address already in use')\n"
        "socket.socket.listen = taken\n"
        "sys.argv = ['unrolled', 'serve', '--port', '0', '--models-dir', sys.argv[1]]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "trained = [name for name in sys.modules if name.startswith('app.training')]\n"
        "print(trained, gc.isenabled())"
    )
    command = [sys.executable, "-c", code, str(MODELS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "cannot listen on 127.0.0.1 port 0: Address already in use" in done.stderr
    assert done.stdout == "[] True\n"


def test_what_describes_documents_is_built_when_one_is_asked_for() -> None:
    code = (
        "import sys\n"
        "from app import entry\n"
        "sys.modules['app.cli'] = type(sys)('app.cli')\n"
        "sys.modules['app.cli'].main = lambda: None\n"
        "entry.main()\n"
        "from fastapi.openapi.models import OpenAPI\n"
        "from app.api.native.requests import WeightsQuery\n"
        "from app.main import app\n"
        "kinds = OpenAPI, WeightsQuery\n"
        "print([kind.__pydantic_complete__ for kind in kinds])\n"
        "print(app.openapi()['info']['title'], OpenAPI.__pydantic_complete__)"
    )
    command = [sys.executable, "-c", code, "serve"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[False, True]\nUnrolled True\n"


def test_a_command_that_is_none_is_answered_with_the_nearest() -> None:
    done = unrolled("serv")
    assert done.returncode == 2
    assert "No such command 'serv'. Did you mean 'serve'?" in done.stderr


def test_evaluate_counts_the_phrases_whose_word_is_suggested(tmp_path: Path) -> None:
    expected = tmp_path / "phrases.toml"
    expected.write_text('"this is" = ["an"]\n"is an" = ["nope", "example"]\n"is this" = ["nope"]\n')
    done = unrolled("evaluate", "notebook", "--phrases", str(expected), "--json")
    assert json.loads(done.stdout) == {
        "model": "notebook",
        "phrases": 3,
        "top_3": 2,
        "missed": ["is this"],
    }
    expected.write_text('"this is" = "an"\n')
    assert unrolled("evaluate", "notebook", "--phrases", str(expected)).returncode == 5
    assert unrolled("evaluate", "notebook").returncode == 2


def test_phrases_nested_without_end_are_not_read(tmp_path: Path) -> None:
    expected = tmp_path / "expected.toml"
    expected.write_text("a = " + "[" * 5000)
    done = unrolled("evaluate", "notebook", "--phrases", str(expected))
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.startswith("unrolled: expected.toml cannot be read: ")


def test_evaluate_writes_the_card(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "mine")
    words = list(json.loads((folder / "vocabulary.json").read_text()))
    (tmp_path / "text.txt").write_text(" ".join(words[:3]) + "\n")
    done = unrolled("evaluate", str(folder), str(tmp_path / "text.txt"), "--write-card", "--json")
    printed = json.loads(done.stdout)
    evaluation = json.loads((folder / "model.json").read_text())["metrics"]["evaluation"]
    assert evaluation["command"] == "unrolled evaluate mine text.txt"
    assert evaluation["text.txt"]["perplexity"] == pytest.approx(printed["perplexity"], abs=1e-4)


def test_a_model_is_checked_by_its_name_as_by_its_folder(notebook_folder: Path) -> None:
    by_name, by_folder = (
        unrolled("check", name, "--json") for name in ("notebook", str(notebook_folder))
    )
    assert by_name.returncode == by_folder.returncode == 0
    assert json.loads(by_name.stdout) == json.loads(by_folder.stdout)
    assert unrolled("check", "nope").returncode == 3


def test_the_english_model_is_explained_once_and_under_its_own_name() -> None:
    explained = unrolled("explain", "--model", "english", "thank you").stdout
    assert len(re.findall(r"14004 numbers, norm ([\d.]+)", explained)) == 1
    assert unrolled("inspect", "english").stdout.startswith('Model: "english"\n')
