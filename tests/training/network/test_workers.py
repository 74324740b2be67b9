"""Steps shared by several processes: the same gradients as one process, and no process left."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from app.cli import app
from app.errors import HelperDied
from app.training.network.bptt import Batch, Gradients, Unrolled
from app.training.network.dropout import Dropout
from app.training.network.parameters import Shape, initialize
from app.training.network.softmax import Drawn, sample_candidates
from app.training.network.workers import together
from app.training.text.batches import padded_batch

TIED = Shape(30, embedding=6, units=8, layers=2, projection=6, tied=True)
UNTIED = Shape(30, embedding=6, units=8, layers=1, projection=0, tied=False)


def a_batch(sequences: int, seed: int = 0) -> Batch:
    rng = np.random.default_rng(seed)
    lines = [rng.integers(1, 30, rng.integers(2, 9)).astype(np.int32) for _ in range(sequences)]
    batch = padded_batch(lines, 1)
    drawn = rng.integers(1, 30, (*batch.ids.shape, 2)).astype(np.int32)
    return replace(batch, drawn=Drawn(drawn, share=0.3))


def assert_same(one: Gradients, other: Gradients) -> None:
    assert one.loss == pytest.approx(other.loss, rel=1e-6)
    assert one.count == other.count
    for name, gradient in one.dense.items():
        np.testing.assert_allclose(other.dense[name], gradient, atol=1e-6, err_msg=name)
    for name, rows in one.rows.items():
        np.testing.assert_allclose(other.rows[name].spread(30), rows.spread(30), atol=1e-6)
    for ours, theirs in zip(one.state, other.state, strict=True):
        np.testing.assert_allclose(theirs, ours, atol=1e-6)


@pytest.mark.parametrize("shape", [TIED, UNTIED])
@pytest.mark.parametrize("sampled", [0, 9])
def test_the_gradients_are_those_of_one_process(shape: Shape, sampled: int) -> None:
    net = Unrolled(shape, initialize(shape, np.random.default_rng(0)))
    alone = Unrolled(shape, {name: p.copy() for name, p in net.parameters.items()})
    with together(net, Dropout(), None, 3) as team:
        for sequences in (7, 2, 1):  # also fewer than there are hands
            batch = a_batch(sequences, seed=sequences)
            state = tuple(np.tanh(layer + 0.5) for layer in net.initial_state(sequences))
            rng = np.random.default_rng(0)
            candidates = sample_candidates(30, 5, sampled, batch.words, rng)
            expected = alone.gradients(batch, state, candidates, Dropout(), rng)
            assert_same(expected, team.gradients(batch, state, candidates, (0,)))
            # An update in the caller is seen by the helpers in the next step.
            for net_or_alone in (net, alone):
                net_or_alone.parameters["recurrent_kernel_0"] *= np.float32(0.9)


def test_shares_draw_different_dropout_and_the_same_in_every_run() -> None:
    net = Unrolled(TIED, initialize(TIED, np.random.default_rng(0)))
    batch = padded_batch([np.array([5, 6, 7], np.int32)] * 2, 1)  # one line twice
    dropout = Dropout(embedding=0.5)
    runs = []
    for _ in range(2):
        with together(net, dropout, None, 2) as team:
            runs.append(team.gradients(batch, net.initial_state(2), None, (3,)))
    assert_same(*runs)
    one, other = runs[0].state[0]
    assert np.abs(one - other).max() > 1e-3


def test_helpers_end_with_the_run() -> None:
    net = Unrolled(TIED, initialize(TIED, np.random.default_rng(0)))
    with together(net, Dropout(), None, 2) as team:
        process = team.helpers[0].process
        assert process.is_alive()
    assert process.exitcode == 0


def test_a_dead_helper_is_noticed() -> None:
    net = Unrolled(TIED, initialize(TIED, np.random.default_rng(0)))
    with together(net, Dropout(), None, 2) as team:
        process = team.helpers[0].process
        process.kill()
        process.join()
        with pytest.raises(HelperDied):
            team.gradients(a_batch(4), net.initial_state(4), None, (0,))


def test_training_says_that_a_helper_died(corpus: Path, tmp_path: Path) -> None:
    code = "from app.cli import main; main()"
    command = [sys.executable, "-c", f"if __name__ == '__main__': {code}", "train", str(corpus)]
    command += ["--out", str(tmp_path / "mine"), "--epochs", "100000", "--processes", "2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as training:
        assert training.stderr is not None
        while "epoch" not in (line := training.stderr.readline()):
            assert line, "training ended before its first step"
        children = Path(f"/proc/{training.pid}/task/{training.pid}/children")
        if not children.exists():
            training.kill()
            pytest.skip("the system does not list a process's children")
        for child in map(int, children.read_text().split()):
            if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text():
                os.kill(child, signal.SIGKILL)
        said = training.stderr.read()
    assert training.returncode == 1
    assert "unrolled: a process that shared the training steps has ended; --resume" in said


@pytest.mark.usefixtures("own_signal")
def test_training_ignores_the_signal_that_a_dead_helper_s_pipe_sends(
    corpus: Path, tmp_path: Path
) -> None:
    arguments = ["train", str(corpus), "--out", str(tmp_path / "mine"), "--epochs", "0.1"]
    assert CliRunner().invoke(app, ["predict", "--no-such-option"]).exit_code == 2
    assert signal.getsignal(signal.SIGPIPE) == signal.SIG_DFL  # so that `| head` ends others
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN
