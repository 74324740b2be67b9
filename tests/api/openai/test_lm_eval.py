"""`lm_eval`'s perplexity is that of `evaluate`, and so are the words that it counts."""

from pathlib import Path

import httpx
import pytest

from app.evaluation import evaluate
from tests.api.clients import process, url
from tests.api.lm_eval import ENDED, ended, needs_lm_eval, perplexities, write_task
from tests.small_models import sentences

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


@needs_lm_eval
def test_its_perplexity_is_that_of_evaluate(tmp_path: Path) -> None:
    with process("unrolled", tmp_path) as served:

        def written(line: str) -> str:
            """A line with one word for everything that is counted, as the documentation says."""
            asked = {"prompt": line, "add_special_tokens": True}
            tokens = httpx.post(url(served, "/tokenize"), json=asked).json()["tokens"]
            answer = httpx.post(url(served, "/detokenize"), json={"tokens": tokens}).json()
            return str(answer["prompt"])

        write_task(tmp_path, "lines", [written(line) for line in LINES])
        write_task(tmp_path, "plain", PLAIN, ENDED)
        told = perplexities(url(served), "english", tmp_path, "lines", "plain")
    assert told["lines"] == pytest.approx(evaluate(sentences(), LINES).perplexity, rel=5e-5)
    # The same events; but for lm-eval a word is what stands between white space.
    ours = evaluate(sentences(), PLAIN)
    theirs = sum(len(ended(line).split()) for line in PLAIN)
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
            floats = {"tokens": [float(number) for number in first["tokens"]]}
            assert httpx.post(url(served, "/detokenize"), json=floats).json()["prompt"] == text
            again = httpx.post(url(served, "/tokenize"), json={"prompt": text}).json()
            assert again["tokens"] == first["tokens"]
        refused = httpx.post(url(served, "/detokenize"), json={"tokens": [0]})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "tokens")
