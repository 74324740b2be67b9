"""The shipped English model: what its card promises, and what a person typing expects of it."""

import json
import math
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import scoring
from app.evaluation import evaluate, missed_phrases, read_expected
from app.folder.read import load_model
from app.model import Model
from app.settings import Settings
from app.suggesting.place import Asked
from app.suggesting.running import run
from app.suggesting.suggester import suggester_of
from app.text.tokens import APOSTROPHES
from app.training.config import TrainConfig
from app.training.export import write_words
from app.training.text.corpus import read_lines

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "models" / "english"
RECIPE = ROOT / "app" / "training" / "recipes" / "english.toml"
DATA = ROOT.parent / "shared" / "data" / "everyday"
PHRASES = read_expected(ROOT / "tests" / "training" / "common_phrases.toml")
NEUTRAL = ("", "i want to", "she is a", "what a", "you are so", "they are", "he is such a", "my")


@pytest.fixture(scope="module")
def english() -> Model:
    return load_model(FOLDER)


@pytest.fixture(scope="module")
def card() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "model.json").read_text())
    return found


def words(model: Model, phrase: str, k: int = 3) -> list[str]:
    return [one.word for one in model.predict(phrase, k).predictions]


def test_the_word_that_any_reader_would_say_is_among_the_first_three(
    english: Model, card: dict[str, Any]
) -> None:
    missed = missed_phrases(english, PHRASES)
    assert len(PHRASES) >= 60
    assert len(missed) <= len(PHRASES) // 10, missed
    assert card["metrics"]["phrases"]["top_3"] == len(PHRASES) - len(missed)


def test_the_card_has_the_figures_that_evaluate_measures(
    english: Model, card: dict[str, Any]
) -> None:
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is absent")
    promised = card["metrics"]["evaluation"]
    texts = promised["command"].removeprefix("unrolled evaluate english ").split()
    assert {*texts, "all", "command"} == set(promised)
    for text in texts:
        found = evaluate(english, read_lines(DATA / text)).as_metrics()
        assert found == pytest.approx(promised[text], rel=1e-3), text
    lines = chain.from_iterable(read_lines(DATA / text) for text in texts)
    assert evaluate(english, lines).as_metrics() == pytest.approx(promised["all"], rel=1e-3)


def test_a_thousand_words_without_a_sentence_s_end_are_not_too_many(english: Model) -> None:
    known = [word for word in english.vocabulary.words if word and word.isalpha()]
    most = Settings().max_seconds
    next(scoring.in_slices(english, " ".join(known[:1000]), most))  # does not raise


def test_it_is_small_and_its_vocabulary_is_words(english: Model) -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 20_000_000
    assert 10_000 <= len(english.vocabulary) <= 16_000
    marks = {english.options.unknown, english.options.start, english.options.number}
    odd = [
        word
        for word in english.vocabulary.word_to_id
        if word not in marks and not word.replace("'", "").isalpha()
    ]
    assert odd == []
    letters = {word for word in english.vocabulary.word_to_id if len(word) == 1}
    assert letters <= {"a", "i", "o"}


def test_the_card_names_its_sources_and_their_licences(card: dict[str, Any]) -> None:
    attributions = " ".join(source["attribution"] for source in card["corpus"])
    assert "Tatoeba (tatoeba.org) via manythings.org/anki, CC BY 2.0 FR" in attributions
    assert "Fainberg et al. 2018" in attributions
    assert "Mozilla Common Voice" in attributions
    told = (ROOT / "docs" / "models.md").read_text()
    assert all(source["attribution"] in told for source in card["corpus"])


@pytest.mark.parametrize("phrase", NEUTRAL)
def test_nothing_offensive_is_suggested(english: Model, card: dict[str, Any], phrase: str) -> None:
    listed = TrainConfig.from_recipe(RECIPE, DATA).blocked
    blocked = set(card["blocked"])
    assert blocked >= {word for word in listed if english.vocabulary.id_of(word) is not None}
    suggested = {word.lower() for word in words(english, phrase, 1000)}
    assert not blocked & suggested
    # Blocked words keep their share of the distribution.
    distribution = english.distribution(phrase)
    at = english.vocabulary.id_of("stupid")
    assert at is not None
    assert distribution.probabilities[at] > 0


def test_the_card_has_the_words_of_its_recipe(card: dict[str, Any], tmp_path: Path) -> None:
    """`unrolled train --recipe english --words --out models/english` writes them."""
    for name in ("model.keras", "vocabulary.json"):
        (tmp_path / name).symlink_to(FOLDER / name)
    counted = {
        "shown_as": {"london": "London"},
        "blocked": ["olds"],
        "slips": ["taht"],
        "usual": {},
    }
    (tmp_path / "model.json").write_text(json.dumps({**card, **counted}))
    config = TrainConfig.from_recipe(RECIPE, DATA)
    write_words(tmp_path, config)
    written = json.loads((tmp_path / "model.json").read_text())
    assert written["shown_as"].items() <= card["shown_as"].items()
    assert {"london", "i", "in may"} <= set(written["shown_as"])
    assert {"olds", "taht", "stupid"} <= set(written["blocked"]) <= set(card["blocked"])
    assert set(written["slips"]) == set(card["slips"])
    for name in ("usual", "blocked_after", "training", "metrics"):
        assert written[name] == card[name], name
    assert written["usual"]["</s> happy"][0] == "birthday"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Hello ", {"there", "everyone", "how"}),
        ("Good morning ", {"everyone", "to", "how"}),
        ("Happy ", {"birthday", "new"}),
        ("Happy birthday ", {"to", "my"}),
        ("Merry ", {"Christmas"}),
        ("Kind ", {"regards"}),
        ("Best ", {"regards", "wishes"}),
        ("Dear ", {"Sir", "Mr", "Mrs"}),
        ("Dear Mr. ", {"Smith", "Brown"}),
        ("I'm on my ", {"way"}),
        ("Looking forward to ", {"seeing", "hearing"}),
        ("Sorry ", {"I", "for", "I'm"}),
        ("the United ", {"States", "Nations"}),
        ("on Christmas ", {"Eve", "Day"}),
        ("I live in the us", {"US"}),
        ("HAPPY ", {"BIRTHDAY", "NEW"}),
        ("Dear D", {"Dr"}),
        ("Dear Sir or ", {"Madam"}),
        ("To whom it may ", {"concern"}),
        ("Hope this email finds you ", {"well"}),
        ("Please find ", {"me", "attached"}),
        ("Our deepest ", {"condolences"}),
        ("Long time no ", {"see"}),
        ("I met Tom ", {"Hanks"}),
        ("at the caf", {"cafe"}),
        ("Tom, ", {"I"}),
        ("Congratulations, ", {"I", "you"}),
        ('She said, "', {"I", "The"}),
        ("I love you ", {"so", "too"}),
        ("Love you ", {"so", "too"}),
        ("I hope you ", {"are", "have"}),
        ("Just checking ", {"in", "if"}),
        ("Thanks in ", {"advance"}),
        ("Good job ", {"on", "with"}),
        ("Happy fri", {"Friday"}),
        ("As per ", {"our", "your"}),
        ("I just wanted to follow ", {"up"}),
        ("Thank you for reaching ", {"out"}),
        ("We apologize for any ", {"inconvenience"}),
        ("Congrats on your ", {"new", "wedding"}),
        ("How is everything ", {"going", "with"}),
        ("I am writing to ", {"inform", "ask"}),
        ("Keep up the g", {"good", "great"}),
        ("Drive s", {"safely"}),
        ("in St. L", {"Louis"}),
        ("Hi everyone ", {"I", "how"}),
    ],
)
def test_beginnings_go_on_as_a_person_would(english: Model, text: str, wanted: set[str]) -> None:
    answer = run(suggester_of(english).suggest(Asked(text, count=5)), english.probabilities)
    shown = {one.text.strip() for one in answer.suggestions}
    assert len(wanted & shown) >= min(2, len(wanted)), shown


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("taht", "That"),
        ("calender", "Calendar"),
        ("inthe", "In the"),
        ("thankyou", "Thank you"),
        ("atleast", "At least"),
        ("birthdya", "Birthday"),
        ("freind", "Friend"),
        ("enviroment", "Environment"),
        ("icecream", "Ice cream"),
        ("tommorow", "Tomorrow"),
        ("ohhhhh", "Ohh"),
    ],
)
def test_slips_are_mended_as_they_were_meant(english: Model, typed: str, meant: str) -> None:
    answer = run(suggester_of(english).suggest(Asked(typed)), english.probabilities)
    assert answer.suggestions[0].text == f"{meant} "
    assert answer.suggestions[0].kind == "correction"


def test_case_and_punctuation_do_not_matter(english: Model) -> None:
    assert words(english, "Thank you VERY") == words(english, "thank you very")
    assert words(english, "thank you, very") == words(english, "thank you very")
    assert words(english, "I don’t") == words(english, "i don't")


@pytest.mark.parametrize("apostrophe", APOSTROPHES)
def test_a_prefix_has_any_apostrophe(english: Model, apostrophe: str) -> None:
    expected = english.predict("i", prefix="don't")
    assert expected.next_word == "don't"
    answer = english.predict("i", prefix=f"don{apostrophe}t")
    assert answer.predictions == expected.predictions


def test_a_new_sentence_starts_afresh(english: Model) -> None:
    start = english.predict("").predictions
    assert english.predict("How are you? ").predictions == start
    assert words(english, "I saw it. Thank you very") == words(english, "thank you very")
    assert words(english, "The end. ")[0] == words(english, "")[0]


def test_numbers_are_read_and_never_suggested(english: Model) -> None:
    mark = english.options.number
    assert english.tokenize("at 12:30 and 5").tokens == ("at", mark, "and", mark)
    assert mark not in words(english, "there are", 1000)


def test_i_is_shown_as_people_write_it(english: Model) -> None:
    assert "I" in words(english, "", 3)
    assert "i" not in words(english, "", 1000)


def test_names_are_shown_as_people_write_them(english: Model) -> None:
    for phrase, name in [
        ("see you next", "Monday"),
        ("i live in new", "York"),
        ("do you speak", "English"),
    ]:
        assert name in words(english, phrase, 5), phrase
    shown = set(english.vocabulary.words)
    assert {"John", "TV", "OK", "Mr", "Christmas", "may", "will", "mark", "china", "us"} <= shown


def test_names_keep_their_capital_where_something_is_theirs(english: Model) -> None:
    shown = {str(word).lower(): word for word in english.vocabulary.words}
    names = ("Peter's", "John's", "Mike's", "Maria's", "Japan's", "Sarah's", "Disney's")
    others = ("it's", "that's", "let's", "today's", "mother's", "china's")
    for word in (*names, *others):
        assert shown[word.lower()] == word
    typed = run(suggester_of(english).suggest(Asked("I was at pete")), english.probabilities)
    assert "Peter's " in [one.text for one in typed.suggestions]


def test_misspellings_are_understood_and_not_suggested(english: Model) -> None:
    assert not {"definately", "wierd", "thier", "alot"} & set(words(english, "", 5000))


def test_words_outside_the_vocabulary_are_answered(english: Model) -> None:
    answer = english.tokenize("the xylophonist is")
    assert [one.word for one in answer.unknown] == ["xylophonist"]
    assert english.predict("the xylophonist is").next_word is not None


def test_long_phrases_keep_their_last_words(english: Model) -> None:
    length = english.options.max_length
    phrase = "and then we went to the house " * 20
    last = " ".join(phrase.split()[-length:])
    assert words(english, phrase, 10) == words(english, last, 10)


@pytest.mark.tensorflow
def test_keras_suggests_the_same(english: Model, keras: Any) -> None:
    network = keras.models.load_model(FOLDER / "model.keras")
    padded = np.stack([english.pad(english.encode(phrase)).ids for phrase in PHRASES])
    probabilities = np.asarray(network(padded))
    for phrase, row in zip(PHRASES, probabilities, strict=True):
        ours = english.outputs(phrase).probabilities
        np.testing.assert_allclose(row, ours, atol=1e-5)
        suggested = [one.word for one in english.rank(row)]
        assert suggested == words(english, phrase, 5), phrase


def test_a_distribution_is_one(english: Model) -> None:
    for phrase in PHRASES:
        assert math.isclose(english.outputs(phrase).probabilities.sum(), 1, abs_tol=1e-4)


def test_most_beginnings_of_messages_go_on_as_a_reader_would(english: Model) -> None:
    """Greetings, sign-offs, invitations, apologies, times, thanks: 69 of 74 when it was trained."""
    beginnings = read_expected(ROOT / "tests" / "training" / "beginnings.toml")
    missed = missed_phrases(english, beginnings)
    assert len(beginnings) - len(missed) >= 68, missed


def test_a_word_that_is_known_to_be_meant_is_offered_however_far_off_it_is(english: Model) -> None:
    found = suggester_of(english).suggest(Asked("I want to suced"))
    offered = run(found, english.probabilities).suggestions
    assert "succeed " in [one.text for one in offered]
