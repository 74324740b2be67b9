"""`unrolled plan`: its arithmetic, and that what it measured is what it says."""

import json

import pytest
from typer.testing import CliRunner

from app.cli import app
from app.cli.plan import bytes_for, cores_for


@pytest.mark.parametrize(
    ("requests", "seconds", "utilisation", "cores"),
    [(50_000, 0.001, 0.5, 100), (50_001, 0.001, 0.5, 101), (1, 0.001, 0.6, 1)],
)
def test_cores_are_what_is_asked_over_what_one_answers(
    requests: float, seconds: float, utilisation: float, cores: int
) -> None:
    assert cores_for(requests, seconds, utilisation) == cores


def test_memory_is_what_was_measured_of_each_worker() -> None:
    """23 MB of each further one (benchmarks/README.md), 68 MiB that each comes to remember."""
    assert bytes_for(1, 100_000_000) == 100_000_000 + 68 * 2**20
    assert bytes_for(3, 100_000_000) == 100_000_000 + 3 * 68 * 2**20 + 2 * 23_000_000


def test_a_plan_fits_together() -> None:
    options = ("--keyboards", "100000", "--words-per-minute", "30", "--model", "notebook")
    done = CliRunner().invoke(app, ["plan", *options, "--json"])
    assert done.exit_code == 0, done.output
    facts = json.loads(done.output)
    assert facts["requests_per_second"] == 50_000
    milliseconds = facts["milliseconds_per_request"]
    assert facts["requests_per_second_of_a_core"] == pytest.approx(1e3 / milliseconds, rel=0.05)
    needed = 50_000 * milliseconds / 1e3 / facts["utilisation"]
    assert abs(facts["cores"] - needed) < 1 + 0.01 * needed
    first = facts["memory_megabytes"] - bytes_for(facts["cores"], 0) / 1e6  # its process
    assert 40 < first < 400


@pytest.mark.parametrize(
    "option",
    [
        ("--keyboards", "1" + "0" * 400),
        ("--words-per-minute", "inf"),
        ("--words-per-minute", "nan"),
        ("--requests-per-word", "1e300"),
        ("--utilisation", "nan"),
    ],
)
def test_nobody_types_without_end(option: tuple[str, str]) -> None:
    done = CliRunner().invoke(app, ["plan", "--keyboards", "1", "--model", "notebook", *option])
    assert done.exit_code == 2
    assert option[0] in done.output


def test_the_largest_plan_is_made() -> None:
    most = ("--keyboards", str(10**10), "--words-per-minute", "1000", "--requests-per-word", "100")
    done = CliRunner().invoke(app, ["plan", *most, "--model", "notebook", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["cores"] > 1_000_000
