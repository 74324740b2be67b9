"""Whole runs: every line once and in order, whatever kills them in between."""

import gzip
import json
import multiprocessing
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue

import pytest

from app.answers import Predicted, PrefixPredicted
from app.bulk.output import Identity, Output
from app.bulk.predict import Lines, Question
from app.bulk.run import Progress, Spread, _ask, here, in_processes, run
from app.bulk.source import Chunk, Source
from app.errors import HelperDied, OtherRun, RequestError
from app.http.problems import problem
from app.model import Model
from tests.small_models import small_model

ROOT = Path(__file__).parents[2]
UNROLLED = (sys.executable, "-c", "import sys; from app.cli import main; sys.exit(main())")
QUESTION = Question(top_k=3)
PHRASES = [
    f"w{1 + n % 90} w{1 + n % 77}{' nonsense' if n % 1000 == 7 else ''}" for n in range(9000)
]


@pytest.fixture
def source(tmp_path: Path) -> Source:
    path = tmp_path / "phrases.txt"
    path.write_text("\n".join(PHRASES))
    return Source(path)


@pytest.fixture(scope="module")
def model() -> Model:
    return small_model()


def ignore(_: Progress) -> None:
    pass


def asked(model: Model, phrase: str) -> Predicted | PrefixPredicted | RequestError:
    try:
        return model.predict(phrase, QUESTION.top_k)
    except RequestError as error:
        return error


def assert_answers(output: Path, model: Model, phrases: list[str]) -> None:
    """Each line is what the model says of its phrase alone."""
    opened = gzip.open if output.suffix == ".gz" else open
    with opened(output, "rt") as file:
        lines = [json.loads(line) for line in file]
    assert len(lines) == len(phrases)
    for line, phrase in zip(lines, phrases, strict=True):
        expected = asked(model, phrase)
        if isinstance(expected, RequestError):
            assert line == json.loads(json.dumps(problem(expected)))
            continue
        assert line["phrase"] == phrase
        for one, other in zip(line["predictions"], expected.predictions, strict=True):
            assert (one["word"], one["id"]) == (other.word, other.id)
            assert one["probability"] == pytest.approx(float(other.probability), abs=1e-6)


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz"])
def test_every_line_has_its_answer_or_its_problem(
    source: Source, model: Model, tmp_path: Path, name: str
) -> None:
    steps: list[Progress] = []
    path = tmp_path / name
    done = run(source, path, model, QUESTION, here(model, QUESTION), steps.append)
    assert_answers(path, model, PHRASES)
    assert (done.lines, done.problems) == (9000, 9)
    assert (steps[-1].lines, steps[-1].problems, steps[-1].read) == (9000, 9, 1.0)
    assert [step.lines for step in steps] == [2048, 4096, 6144, 8192, 9000]


def test_words_that_were_left_out_are_named(source: Source, model: Model, tmp_path: Path) -> None:
    dropping = replace(model, options=model.options._replace(drop_unknown=True))
    source.path.write_text("w1 nonsense w2\nw1 w2")
    run(source, tmp_path / "out", dropping, QUESTION, here(dropping, QUESTION), ignore)
    first, second = map(json.loads, (tmp_path / "out").read_text().splitlines())
    assert [(one["word"], one["position"]) for one in first["unknown"]] == [("nonsense", 1)]
    assert "unknown" not in second
    assert first["predictions"] == second["predictions"]


def test_a_prefix_is_asked_of_every_phrase(source: Source, model: Model, tmp_path: Path) -> None:
    question = Question(2, "w12")
    run(source, tmp_path / "out", model, question, here(model, question), ignore)
    first = json.loads((tmp_path / "out").read_text().partition("\n")[0])
    expected = model.predict(PHRASES[0], 2, "w12")
    assert first["prefix"] == "w12"
    assert [one["word"] for one in first["predictions"]] == [
        one.word for one in expected.predictions
    ]


def cut_off(spread: Spread, after: int) -> Spread:
    """A run that is killed once it has finished `after` chunks."""

    def cut(chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, Lines]]:
        for number, done in enumerate(spread(chunks)):
            if number == after:
                raise KeyboardInterrupt
            yield done

    return cut


def test_a_run_goes_on_where_it_was_cut_off_and_computes_nothing_again(
    source: Source, model: Model, tmp_path: Path
) -> None:
    whole, path = tmp_path / "whole.jsonl.gz", tmp_path / "out.jsonl.gz"
    run(source, whole, model, QUESTION, here(model, QUESTION), ignore)
    for after in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            run(source, path, model, QUESTION, cut_off(here(model, QUESTION), after), ignore)
        with open(tmp_path / "out.jsonl.gz.part", "ab") as part:
            part.write(b"what was being written")
    steps: list[Progress] = []
    run(source, path, model, QUESTION, here(model, QUESTION), steps.append)
    assert [step.lines for step in steps] == [8192, 9000]
    assert path.read_bytes() == whole.read_bytes()
    assert not (tmp_path / "out.jsonl.gz.part").exists()
    again: list[Progress] = []
    run(source, path, model, QUESTION, here(model, QUESTION), again.append)
    assert again == []


def test_an_output_of_something_else_is_refused(
    source: Source, model: Model, tmp_path: Path
) -> None:
    path = tmp_path / "out.jsonl"
    spread = here(model, QUESTION)
    run(source, path, model, QUESTION, spread, ignore)
    before = path.read_bytes()
    with pytest.raises(OtherRun, match="another input, model or question"):
        run(source, path, model, Question(4), spread, ignore)
    source.path.write_text("another")
    with pytest.raises(OtherRun, match="another input, model or question"):
        run(source, path, model, QUESTION, spread, ignore)
    assert path.read_bytes() == before
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(OtherRun, match="not of this run"):
        run(source, tmp_path / "mine", model, QUESTION, spread, ignore)
    assert (tmp_path / "mine").read_text() == "precious"


def test_a_run_that_finished_nothing_goes_on_or_gives_way(
    source: Source, model: Model, tmp_path: Path
) -> None:
    """Killed within its first chunk, or refused a file that is then mended."""
    path, spread = tmp_path / "out.jsonl", here(model, QUESTION)
    for question in (Question(4), QUESTION):
        with pytest.raises(KeyboardInterrupt):
            run(source, path, model, question, cut_off(spread, 0), ignore)
        (tmp_path / "out.jsonl.part").write_bytes(b"what was being written")
    run(source, path, model, QUESTION, spread, ignore)
    assert_answers(path, model, PHRASES)


def test_one_that_another_has_finished_meanwhile_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out"
    identity: Identity = {"input": "a"}
    first = Output(path, identity)
    first.append(b"{}\n", 1, 0)
    read_note = Output._read_note

    def finish_first(output: Output) -> None:
        read_note(output)
        if not first.finished:
            first.finish()

    monkeypatch.setattr(Output, "_read_note", finish_first)
    with Output(path, identity) as second:
        assert (second.finished, second.lines) == (True, 1)
    assert path.read_bytes() == b"{}\n"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["out", "out.run.json"]
    first.__exit__()


LIMITED = """
import resource, sys
from app.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
sys.exit(main())
"""


def test_a_full_disk_is_named_with_the_file_and_the_run_goes_on_once_there_is_room(
    source: Source, tmp_path: Path
) -> None:
    source.path.write_text("this is\n" * 3000)
    model = str(ROOT / "models" / "notebook")
    asked = ("predict", "-m", model, "--input", str(source.path), "--output")
    full = subprocess.run(
        (sys.executable, "-c", LIMITED, *asked, "out"), cwd=tmp_path, capture_output=True, text=True
    )
    assert (full.returncode, full.stderr) == (7, "unrolled: out.part: File too large\n")
    for name in ("out", "whole"):
        subprocess.run((*UNROLLED, *asked, name), cwd=tmp_path, check=True)
    assert (tmp_path / "out").read_bytes() == (tmp_path / "whole").read_bytes()


def test_what_is_no_file_is_not_to_be_removed(tmp_path: Path) -> None:
    for path in (tmp_path, Path(), Path("/dev/null")):
        with pytest.raises(OtherRun, match="is no file; name one"):
            Output(path, {"input": "a"})


def test_two_runs_do_not_write_one_output(tmp_path: Path) -> None:
    with (
        Output(tmp_path / "out", {"input": "a"}),
        pytest.raises(OtherRun, match="another process"),
    ):
        Output(tmp_path / "out", {"input": "a"})


def test_processes_write_the_same(source: Source, model: Model, tmp_path: Path) -> None:
    one, many = tmp_path / "one", tmp_path / "many"
    run(source, one, model, QUESTION, here(model, QUESTION), ignore)
    run(source, many, model, QUESTION, in_processes(model, QUESTION, 2), ignore)
    assert many.read_bytes() == one.read_bytes()


class Deadly(Model):
    """A model that kills the process it is asked in."""

    def context(self, phrase: str) -> tuple[int, ...]:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


def test_a_killed_worker_ends_the_run_which_can_go_on(
    source: Source, model: Model, tmp_path: Path
) -> None:
    deadly = Deadly(**{name: getattr(model, name) for name in Model.__dataclass_fields__})
    with pytest.raises(HelperDied, match="goes on from here"):
        run(source, tmp_path / "out", deadly, QUESTION, in_processes(deadly, QUESTION, 2), ignore)
    run(source, tmp_path / "out", model, QUESTION, here(model, QUESTION), ignore)
    assert_answers(tmp_path / "out", model, PHRASES)


def test_half_an_answer_of_a_killed_worker_is_not_waited_for(source: Source) -> None:
    ours, theirs = multiprocessing.Pipe()
    os.write(theirs.fileno(), struct.pack("!i", 1_000) + b"half")
    with socket.socket(fileno=os.dup(theirs.fileno())) as end:
        end.shutdown(socket.SHUT_WR)
    idle: SimpleQueue[Connection] = SimpleQueue()
    idle.put(ours)
    with pytest.raises(HelperDied, match="goes on from here"):
        _ask(idle, next(iter(source.chunks(0))))


class Faulty(Model):
    """A model with a fault."""

    def context(self, phrase: str) -> tuple[int, ...]:
        raise KeyError(f"at {phrase}")


def test_what_a_worker_raises_is_told_with_its_traceback(
    source: Source, model: Model, tmp_path: Path
) -> None:
    faulty = Faulty(**{name: getattr(model, name) for name in Model.__dataclass_fields__})
    with pytest.raises(RuntimeError, match=r"(?s)Traceback.*in context.*KeyError: 'at w1 w1'"):
        run(source, tmp_path / "out", faulty, QUESTION, in_processes(faulty, QUESTION, 2), ignore)


def command(
    folder: Path, source: str, output: str, *more: str, stderr: int | None = None
) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "UNROLLED_MODELS_DIR": str(ROOT / "models")}
    options = ("predict", "--model", "notebook", "--input", source, "--output", output, *more)
    return subprocess.Popen([*UNROLLED, *options], cwd=folder, env=environment, stderr=stderr)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_one_that_is_stopped_from_the_keyboard_says_how_to_go_on(
    tmp_path: Path, workers: str
) -> None:
    (tmp_path / "phrases.txt").write_text(
        "".join(f"this is {'an ' * (n % 40)}\n" for n in range(40_000))
    )
    more = ("--prefix", "t", "--workers", workers)
    running = command(tmp_path, "phrases.txt", "out.jsonl", *more, stderr=subprocess.PIPE)
    finished_lines(tmp_path / "out.jsonl.run.json", 0, running)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate()
    assert running.returncode == 130
    assert said.endswith(b"out.jsonl: stopped; the same command goes on from what is done\n")


@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")
def test_one_whose_worker_is_killed_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "phrases.txt").write_text(
        "".join(f"this is {'an ' * (n % 40)}\n" for n in range(40_000))
    )
    more = ("--prefix", "t", "--workers", "2")
    running = command(tmp_path, "phrases.txt", "out.jsonl", *more, stderr=subprocess.PIPE)
    finished_lines(tmp_path / "out.jsonl.run.json", 0, running)
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    os.kill(int(children[-1]), signal.SIGKILL)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 8
    assert said.endswith(b"a worker was killed; the same command goes on from here\n")


def test_the_command_killed_twice_ends_with_the_lines_of_one_that_was_not(tmp_path: Path) -> None:
    words = ("this", "is", "an", "example", "nonsense")
    slow = ("--prefix", "t")  # it is looked for phrase by phrase: time enough to be killed
    phrases = [f"{words[n % 50 // 12]} {words[n % 4]}" for n in range(30_000)]
    (tmp_path / "phrases.txt.gz").write_bytes(gzip.compress("\n".join(phrases).encode(), 1))
    assert command(tmp_path, "phrases.txt.gz", "whole.jsonl", *slow).wait(120) == 0
    seen = 0
    for _ in range(2):
        running = command(tmp_path, "phrases.txt.gz", "out.jsonl", *slow)
        seen = finished_lines(tmp_path / "out.jsonl.run.json", seen, running)
        running.kill()
        assert running.wait() == -signal.SIGKILL
    assert not (tmp_path / "out.jsonl").exists()
    assert command(tmp_path, "phrases.txt.gz", "out.jsonl", *slow).wait(120) == 0
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def finished_lines(note: Path, more_than: int, running: "subprocess.Popen[bytes]") -> int:
    """Waits for the note to count more lines."""
    for _ in range(6000):
        assert running.poll() is None, "it ended before it was killed"
        lines = int(json.loads(note.read_bytes())["lines"]) if note.exists() else 0
        if lines > more_than:
            return lines
        time.sleep(0.005)
    pytest.fail("no chunk was finished")


@pytest.mark.skipif(sys.platform == "win32", reason="asks the system for its children's memory")
def test_memory_does_not_grow_with_the_file_or_its_longest_line(tmp_path: Path) -> None:
    def most_memory(source: str, output: str) -> int:
        running = command(tmp_path, source, output)
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        assert running.returncode == 0
        return int(usage.ru_maxrss) * (1 if sys.platform == "darwin" else 1024)

    (tmp_path / "small.txt").write_text("this is\n")
    with gzip.open(tmp_path / "large.txt.gz", "wb", 1) as file:
        for _ in range(400):
            file.write(b"a" * (1 << 20))
        file.write(b"\n" + b"this is\n" * 30_000)
    alone = most_memory("small.txt", "small.jsonl")
    assert most_memory("large.txt.gz", "large.jsonl") - alone < 100 << 20
    first, *rest = (tmp_path / "large.jsonl").read_text().splitlines()
    assert json.loads(first)["code"] == "invalid_request"
    assert [json.loads(line)["next_word"] for line in rest] == ["an"] * 30_000
