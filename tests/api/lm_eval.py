"""`lm_eval`, unmodified, in an environment of its own: tasks of lines, and what it says of them."""

import json
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

_COMMAND = Path(__file__).parent.parent.parent / ".venv-clients" / "bin" / "lm_eval"
_TASK = """
task: %s
dataset_path: json
dataset_kwargs: {data_files: {test: %s}}
test_split: test
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: '%s'
metric_list: [{metric: word_perplexity}]
"""
_ROW = re.compile(r"^\| *(\w+) *\|.*word_perplexity\|[^|]*\|\s*([\d.]+)", re.MULTILINE)
# What the documentation says for lines as they are.
ENDED = """{{ text }}{% if text[-1] not in ".!?…" %} </s>{% endif %}"""

needs_lm_eval = pytest.mark.skipif(
    not _COMMAND.exists(), reason="lm-eval is not installed: make clients"
)


def write_task(folder: Path, name: str, lines: Sequence[str], target: str = "{{ text }}") -> None:
    data = folder / f"{name}.jsonl"
    data.write_text("".join(json.dumps({"text": line}) + "\n" for line in lines))
    (folder / f"{name}.yaml").write_text(_TASK % (name, data, target))


def perplexities(url: str, model: str, folder: Path, *tasks: str) -> dict[str, float]:
    """`word_perplexity` of the tasks in a folder, for a model of the service at `url`."""
    about = f"model={model},base_url={url}/v1/completions,tokenizer_backend=remote"
    command: list[str | Path] = [_COMMAND, "run", "--model", "local-completions"]
    command += ["--model_args", about, "--include_path", folder, "--tasks", ",".join(tasks)]
    done = subprocess.run(
        command,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hf")},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return {name: float(value) for name, value in _ROW.findall(done.stdout)}


def ended(line: str) -> str:
    """A line as ENDED writes it."""
    return line if line[-1] in ".!?…" else f"{line} </s>"
