"""`lm_eval`, unmodified, in an environment of its own: its perplexity is that of `evaluate`."""

import json
import os
import re
import subprocess
from pathlib import Path

import httpx
import pytest

from app.evaluation import evaluate
from tests.api.clients import process, url
from tests.small_models import sentences

ROOT = Path(__file__).parent.parent.parent.parent
LM_EVAL = ROOT / ".venv-clients" / "bin" / "lm_eval"
LINES = [
    "af ag ah ai aj",
    "Ba bb, bc! Bd be.",
    "an unknown zebra-word in af",
    "well: ca-cb, cc? cd ce cf cg ch ci cj da db",  # longer than the model's input
    "ah",
]
PLAIN = [
    'Cb-ca said: "Ag, ah!"',  # the mark is inside: the line's own end is still to come
    "Da? Db... dc",
    "aa ab ac ad 17 times.",
    "It's ba's, isn't it?",
    "Ee",
]
ENDED = """{{ text }}{% if text[-1] not in ".!?…" %} </s>{% endif %}"""
TASK = """
task: %s
dataset_path: json
dataset_kwargs: {data_files: {test: %s}}
test_split: test
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: '%s'
metric_list: [{metric: word_perplexity}]
"""


def write_task(folder: Path, name: str, lines: list[str], target: str) -> None:
    data = folder / f"{name}.jsonl"
    data.write_text("".join(json.dumps({"text": line}) + "\n" for line in lines))
    (folder / f"{name}.yaml").write_text(TASK % (name, data, target))


@pytest.mark.skipif(not LM_EVAL.exists(), reason="lm-eval is not installed: make clients")
def test_its_perplexity_is_that_of_evaluate(tmp_path: Path) -> None:
    with process("unrolled", tmp_path) as served:

        def written(line: str) -> str:
            """A line with one word for everything that is counted, as the documentation says."""
            asked = {"prompt": line, "add_special_tokens": True}
            tokens = httpx.post(url(served, "/tokenize"), json=asked).json()["tokens"]
            answer = httpx.post(url(served, "/detokenize"), json={"tokens": tokens}).json()
            return str(answer["prompt"])

        write_task(tmp_path, "lines", [written(line) for line in LINES], "{{ text }}")
        write_task(tmp_path, "plain", PLAIN, ENDED)
        about = f"model=english,base_url={url(served, '/v1/completions')},tokenizer_backend=remote"
        command: list[str | Path] = [
            LM_EVAL,
            "run",
            "--model",
            "local-completions",
            "--model_args",
            about,
        ]
        done = subprocess.run(
            [*command, "--include_path", tmp_path, "--tasks", "lines,plain"],
            env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=600,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    row = r"\|(lines|plain) *\|.*word_perplexity\|[^|]*\|\s*([\d.]+)"
    told = {name: float(value) for name, value in re.findall(row, done.stdout)}
    assert told["lines"] == pytest.approx(evaluate(sentences(), LINES).perplexity, rel=5e-5)
    # The same events; but for lm-eval a word is what stands between white space.
    ours = evaluate(sentences(), PLAIN)
    ended = [line if line[-1] in ".!?…" else f"{line} </s>" for line in PLAIN]
    theirs = sum(len(line.split()) for line in ended)
    assert theirs != ours.words + ours.sentences
    same = told["plain"] ** (theirs / (ours.words + ours.sentences))
    assert same == pytest.approx(ours.perplexity, rel=5e-5)


def test_what_is_tokenized_is_read_again(tmp_path: Path) -> None:
    with process("unrolled", tmp_path) as served:
        info = served.get("/tokenizer_info").json()
        assert (info["eos_token"], info["unk_token"], info["model_max_length"]) == (
            "</s>",
            "<unk>",
            6,
        )
        assert served.get("/tokenizer_info", model="notebook").json()["eos_token"] is None
        for line, count in zip(LINES, (5, 7, 6, 14, 1), strict=True):
            first = httpx.post(
                url(served, "/tokenize"), json={"prompt": line, "return_token_strs": True}
            ).json()
            assert first["count"] == len(first["tokens"]) == count
            tokens = {"tokens": first["tokens"]}
            text = httpx.post(url(served, "/detokenize"), json=tokens).json()["prompt"]
            assert text.split() == first["token_strs"]
            again = httpx.post(url(served, "/tokenize"), json={"prompt": text}).json()
            assert again["tokens"] == first["tokens"]
        refused = httpx.post(url(served, "/detokenize"), json={"tokens": [0]})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "tokens")
