"""The `openai` package, unmodified, against the service as its users start it: either way."""

import asyncio
import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from app.folder.read import load_model
from tests.api.clients import COMMANDS, NOTEBOOK, process, url
from tests.small_models import sentences
from tests.test_server import Served, eventually

openai = pytest.importorskip("openai", reason="the openai package is not installed")


@pytest.fixture(scope="module", params=COMMANDS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with process(request.param, tmp_path_factory.mktemp("models")) as served:
        yield served


@pytest.fixture(scope="module", params=COMMANDS)
def guarded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A service with a key, which answers one request at a time."""
    settings = {"api_keys": "secret", "max_queue": "1"}
    with process(request.param, tmp_path_factory.mktemp("models"), **settings) as served:
        yield served


@pytest.fixture
def client(served: Served) -> Iterator[Any]:
    with openai.OpenAI(base_url=url(served, "/v1"), api_key="none", max_retries=0) as client:
        yield client


def complete(client: Any, prompt: Any = "af ag", **wanted: Any) -> Any:
    return client.completions.create(model=wanted.pop("model", "english"), prompt=prompt, **wanted)


def predicted(served: Served, text: str, **more: object) -> str:
    body = {"phrase": text, "top_k": 1, **more}
    answer = httpx.post(url(served, "/v1/predict"), json=body).json()
    return str(answer["next_word"])


def test_greedy_words_are_those_of_predict(served: Served, client: Any) -> None:
    answer = complete(client, "this is", model="notebook", max_tokens=6, temperature=0)
    text = "this is"
    for _ in range(6):
        text += f" {predicted(served, text, model='notebook')}"
    assert "this is" + answer.choices[0].text == text
    assert (answer.object, answer.model) == ("text_completion", "notebook")
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.model_dump(exclude_none=True) == {
        "prompt_tokens": 2,
        "completion_tokens": 6,
        "total_tokens": 8,
    }


def test_prompts_may_be_texts_or_ids(client: Any) -> None:
    ids = sentences().encode("af ag").ids
    both = {"temperature": 0, "max_tokens": 5}
    text = complete(client, **both).choices[0].text
    assert complete(client, list(ids), **both).choices[0].text == text
    many = complete(client, ["af ag", "ah"], n=2, **both).choices
    assert [one.index for one in many] == [0, 1, 2, 3]
    assert [one.text for one in many[:2]] == [text, text]
    assert many[2].text == complete(client, "ah", **both).choices[0].text
    assert complete(client, [list(ids), [5]], **both).choices[0].text == text
    assert complete(client, None, **both).choices[0].text[0].isupper()


def test_a_seed_gives_the_same_text_and_its_choices_differ(client: Any) -> None:
    wanted = {"seed": 7, "max_tokens": 12, "n": 3, "temperature": 1.2}
    first, second = ([one.text for one in complete(client, **wanted).choices] for _ in range(2))
    assert first == second
    assert len(set(first)) == 3
    assert first[0] == complete(client, **{**wanted, "n": 1}).choices[0].text
    assert first != [one.text for one in complete(client, **{**wanted, "seed": 8}).choices]
    assert complete(client, seed=-3, max_tokens=1).choices[0].text


def test_the_best_of_many_are_the_most_probable(client: Any) -> None:
    wanted = {"seed": 3, "max_tokens": 6, "logprobs": 0, "temperature": 1.5}
    every = complete(client, n=8, **wanted).choices
    means = {one.text: sum(one.logprobs.token_logprobs) / 6 for one in every}
    best = complete(client, n=2, best_of=8, **wanted).choices
    assert [one.text for one in best] == sorted(means, key=lambda text: -means[text])[:2]


def test_echo_has_the_prompt_and_its_probabilities(served: Served, client: Any) -> None:
    answer = complete(client, "Af  ag, ah", echo=True, logprobs=2, max_tokens=2, temperature=0)
    choice = answer.choices[0]
    parts = choice.logprobs
    assert choice.text.startswith("Af  ag, ah ")
    assert "".join(parts.tokens) == choice.text
    assert parts.tokens[:3] == ["Af", "  ag", ", ah"]
    for offset, token in zip(parts.text_offset, parts.tokens, strict=True):
        assert choice.text[offset : offset + len(token)] == token
    model = sentences()
    for at, before in enumerate(["", "af", "af ag", "af ag ah"]):
        probabilities = model.outputs(before).probabilities
        number = model.vocabulary.id_of(parts.tokens[at].strip(" ,").lower())
        expected = math.log(probabilities[number])
        assert parts.token_logprobs[at] == pytest.approx(expected, abs=1e-5)
        assert max(parts.top_logprobs[at].values()) == pytest.approx(
            math.log(probabilities.max()), abs=1e-5
        )
        assert len(parts.top_logprobs[at]) in (2, 3)


def test_a_first_word_that_nobody_could_predict_has_no_probability(client: Any) -> None:
    wanted = {"model": "notebook", "echo": True, "logprobs": 5, "max_tokens": 0}
    parts = complete(client, "this is", **wanted).choices[0].logprobs
    assert parts.tokens == ["this", " is"]
    after_this = load_model(NOTEBOOK).outputs("this").probabilities
    assert parts.token_logprobs == [None, pytest.approx(math.log(after_this[1]), abs=1e-5)]
    assert parts.top_logprobs[0] is None
    assert set(parts.top_logprobs[1]) == {" is", " an", " this", " example"}


def test_stop_strings_biases_and_penalties(client: Any) -> None:
    wanted = {"temperature": 0, "max_tokens": 8}
    whole = complete(client, **wanted).choices[0].text
    words = whole.split()
    cut = complete(client, stop=[words[3], "never"], **wanted).choices[0]
    assert (cut.text, cut.finish_reason) == (whole[: whole.index(words[3])], "stop")
    ended = complete(client, stop="</s>", logit_bias={"1": 100}, **wanted)
    assert (ended.choices[0].text, ended.choices[0].finish_reason) == ("", "stop")
    assert complete(client, logit_bias={"9": 100}, **wanted).choices[0].text == " aj" * 8
    once = complete(client, logit_bias={"9": 50, "10": 49}, presence_penalty=2, **wanted)
    assert once.choices[0].text == " aj ba" + " aj" * 6
    often = complete(client, logit_bias={"9": 50, "10": 49}, frequency_penalty=2, **wanted)
    assert often.choices[0].text.split().count("ba") >= 3


def test_a_whole_number_may_be_written_with_a_point(client: Any) -> None:
    wanted = {"max_tokens": 3, "n": 2, "seed": 5, "logprobs": 1}
    answer = complete(client, [[3, 4], [5, 6]], **wanted)
    floats = {name: float(value) for name, value in wanted.items()}
    assert complete(client, [[3.0, 4], [5.0, 6.0]], **floats).choices == answer.choices
    assert complete(client, [3.0], **wanted).choices == complete(client, [3], **wanted).choices
    for prompt in ([3.5], [[3.0], [4.5]], [3.0, True], [1e300]):
        with pytest.raises(openai.BadRequestError, match="prompt: "):
            complete(client, prompt)


def test_every_parameter_may_be_left_to_its_default(client: Any) -> None:
    names = ["max_tokens", "temperature", "top_p", "n", "best_of", "stop", "seed", "logprobs"]
    names += ["echo", "presence_penalty", "frequency_penalty", "logit_bias", "stream", "suffix"]
    answer = complete(client, **dict.fromkeys([*names, "user", "stream_options"]))
    assert (len(answer.choices), answer.usage.completion_tokens) == (1, 16)


def test_nothing_is_written_where_no_word_is_wanted(client: Any) -> None:
    for echo, text in ((False, ""), (True, "é日本 😀 af")):
        answer = complete(client, "é日本 😀 af", max_tokens=0, echo=echo, logprobs=0)
        [choice] = answer.choices
        assert (choice.text, choice.finish_reason) == (text, "length")
        assert "".join(choice.logprobs.tokens) == text
        assert all(len(best) == 1 for best in choice.logprobs.top_logprobs)
        stream = complete(client, "é日本 😀 af", max_tokens=0, echo=echo, stream=True)
        assert "".join(event.choices[0].text for event in stream) == text


def test_answers_may_be_read_raw(client: Any) -> None:
    wanted = {"model": "english", "prompt": "af", "max_tokens": 2, "temperature": 0}
    raw = client.completions.with_raw_response.create(**wanted)
    assert len(raw.headers["x-request-id"]) == 32
    text = raw.parse().choices[0].text
    with client.completions.with_streaming_response.create(stream=True, **wanted) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line]
    events = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    assert "".join(event["choices"][0]["text"] for event in events) == text
    assert lines[-1] == "data: [DONE]"


def test_a_stream_is_the_same_text_word_by_word(client: Any) -> None:
    wanted = {"seed": 4, "max_tokens": 20, "n": 3, "logprobs": 1, "echo": True}
    whole = complete(client, **wanted)
    texts, tokens, ends = ["", "", ""], [[], [], []], {}  # type: ignore[var-annotated]
    options = {"include_usage": True}
    *events, last = complete(client, stream=True, stream_options=options, **wanted)
    for event in events:
        [choice] = event.choices
        assert event.usage is None
        texts[choice.index] += choice.text
        tokens[choice.index] += choice.logprobs.tokens if choice.logprobs else []
        if choice.finish_reason:
            ends[choice.index] = choice.finish_reason
    assert texts == [one.text for one in whole.choices]
    assert tokens == [one.logprobs.tokens for one in whole.choices]
    assert ends == dict.fromkeys(range(3), "length")
    assert (last.choices, last.usage) == ([], whole.usage)


def test_100_streams_at_once_have_every_word_in_its_place(served: Served, client: Any) -> None:
    prompts = [f"a{chr(97 + n % 10)} b{chr(97 + n // 10)}" for n in range(100)]
    wanted = {"max_tokens": 20, "seed": 1, "model": "english"}

    async def run() -> list[str]:
        address = url(served, "/v1")
        async with openai.AsyncOpenAI(base_url=address, api_key="x", max_retries=0) as many:

            async def one(prompt: str) -> str:
                stream = await many.completions.create(prompt=prompt, stream=True, **wanted)
                return "".join([event.choices[0].text async for event in stream])

            return await asyncio.gather(*map(one, prompts))

    alone = [complete(client, prompt, max_tokens=20, seed=1).choices[0].text for prompt in prompts]
    assert asyncio.run(run()) == alone


def cancelled(served: Served) -> float:
    lines = served.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("unrolled_cancelled"))


def test_a_client_that_hangs_up_stops_its_generation(served: Served, client: Any) -> None:
    before = cancelled(served)
    stream = complete(client, max_tokens=5000, stream=True)
    next(iter(stream))
    stream.close()
    eventually(lambda: cancelled(served) == before + 1)
    whole = httpx.Client(timeout=0.2)
    body = {"prompt": "af", "max_tokens": 30_000, "model": "english"}
    with pytest.raises(httpx.ReadTimeout):
        whole.post(url(served, "/v1/completions"), json=body)
    whole.close()
    eventually(lambda: cancelled(served) == before + 2)
    eventually(lambda: "unrolled_requests_in_progress 1.0" in served.get("/metrics").text)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"suffix": "x"}, "suffix"),
        ({"extra_body": {"top_k": 3}}, "top_k"),
        ({"temperature": 2.5}, "temperature"),
        ({"top_p": -0.1}, "top_p"),
        ({"n": 0}, "n"),
        ({"n": 3, "best_of": 2}, "best_of"),
        ({"best_of": 2, "stream": True}, "best_of"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 60_000, "n": 100}, "max_tokens"),
        ({"logit_bias": {"zebra": 1}}, "logit_bias"),
        ({"logit_bias": {"600": 1}}, "logit_bias"),
        ({"stop": ""}, "stop"),
        ({"stop": ["a", 5]}, "stop"),
        ({"stop": ["a"] * 17}, "stop"),
        ({"prompt": [0]}, "prompt"),
        ({"prompt": [600]}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [["a"]]}, "prompt"),
        ({"prompt": {"text": "a"}}, "prompt"),
        ({"user": 5}, "user"),
    ],
)
def test_what_is_wrong_is_a_bad_request_that_names_the_field(
    client: Any, wanted: dict[str, Any], field: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        complete(client, **{"prompt": "af", **wanted})
    assert (refused.value.param, refused.value.type) == (field, "invalid_request_error")


def test_bodies_that_are_no_requests_have_openai_s_error(served: Served) -> None:
    for body in (b"", b"{", b'{"prompt": NaN}', b'{"temperature": 1e999}', b"[]", b"\xff"):
        answer = httpx.post(url(served, "/v1/completions"), content=body)
        assert answer.status_code == 400
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    large = httpx.post(url(served, "/v1/completions"), content=b" " * (2 << 20))
    assert (large.status_code, large.json()["error"]["code"]) == (413, "body_too_large")
    wrong = httpx.get(url(served, "/v1/completions"))
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method_not_allowed")


def test_models_are_listed_and_a_missing_one_says_why(client: Any) -> None:
    assert [model.id for model in client.models.list()] == ["english", "notebook"]
    assert client.models.retrieve("notebook").owned_by == "unrolled"
    asks: tuple[Callable[[], Any], ...] = (
        lambda: client.models.retrieve("none"),
        lambda: client.models.retrieve("someone/something"),
        lambda: complete(client, model="none"),
    )
    for ask in asks:
        with pytest.raises(openai.NotFoundError, match="loaded: english, notebook") as missing:
            ask()
        assert missing.value.code == "model_not_found"
    absent: tuple[Callable[[], Any], ...] = (
        lambda: client.chat.completions.create(model="english", messages=[]),
        lambda: client.responses.create(model="english", input="x"),
        lambda: client.embeddings.create(model="english", input="x"),
        lambda: client.files.list(),
        lambda: client.containers.list(),
        lambda: client.models.retrieve("english/latest"),
    )
    for ask in absent:
        with pytest.raises(openai.NotFoundError, match="nothing at this path") as missing:
            ask()
        assert missing.value.type == "invalid_request_error"


def test_words_that_a_model_does_not_know_are_named(client: Any) -> None:
    with pytest.raises(openai.BadRequestError, match="zebra"):
        complete(client, "zebra", model="notebook")
    with pytest.raises(openai.BadRequestError, match="no start word"):
        complete(client, "", model="notebook")


def test_keys_are_asked_for(guarded: Served) -> None:
    for key, error in (("wrong", openai.AuthenticationError), ("secret", None)):
        with openai.OpenAI(base_url=url(guarded, "/v1"), api_key=key, max_retries=0) as client:
            if error is None:
                assert complete(client, max_tokens=1).choices
                continue
            for ask in (client.models.list, lambda: complete(client, max_tokens=1)):
                with pytest.raises(error, match="send a key"):
                    ask()


def test_a_service_that_is_full_is_asked_again(guarded: Served) -> None:
    address = url(guarded, "/v1")
    with openai.OpenAI(base_url=address, api_key="secret", max_retries=0) as client:
        stream = complete(client, max_tokens=20_000, stream=True)
        next(iter(stream))
        with pytest.raises(openai.InternalServerError) as full:
            complete(client, max_tokens=1)
        assert full.value.status_code == 503
        assert full.value.response.headers["retry-after"] == "1"
        statuses: list[int] = []

        def make_room(answer: httpx.Response) -> None:
            statuses.append(answer.status_code)
            stream.close()

        with httpx.Client(event_hooks={"response": [make_room]}) as http:
            patient = client.with_options(max_retries=5, http_client=http)
            assert complete(patient, max_tokens=1).choices
        assert (statuses[0], statuses[-1]) == (503, 200)
