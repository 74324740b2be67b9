"""How words are written and which are slips, from forms and a list that stand here."""

from pathlib import Path

import pytest

from app.training.text.writing import Writing

FORMS = {
    "Monday": 90, "monday": 10, "may": 96, "May": 4, "Street": 90, "street": 10, "YouTube": 6,
    "youtube": 4, "Gaga": 9, "gaga": 1, "Zorro": 3, "pm": 99, "PM": 1, "OK": 5, "ok": 5,
}  # fmt: skip
LISTED = ["Monday", "may", "May", "street", "PM", "OK", "because", "the", "receive", "Anna"]


@pytest.fixture
def writing(tmp_path: Path) -> Writing:
    forms, words = tmp_path / "forms.tsv", tmp_path / "words"
    forms.write_text("".join(f"{form}\t{times}\n" for form, times in FORMS.items()))
    words.write_text("\n".join(LISTED))
    return Writing.read(forms, [words])


def test_names_have_capitals_and_what_is_both_has_none(writing: Writing) -> None:
    asked = ["monday", "may", "street", "youtube", "gaga", "zorro", "pm", "ok", "anna", "monday's"]
    assert writing.shown_as([*asked, "unheard"]) == {
        "monday": "Monday",
        "youtube": "YouTube",
        "gaga": "Gaga",
        "ok": "OK",
        "anna": "Anna",
        "monday's": "Monday's",
    }


def test_what_is_a_name_s_has_its_capital_whatever_the_lists_say_of_it(tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.write_text("\n".join(["Anna", "Peter", "peter's", "Peter's", "it", "it's", "may", "May"]))
    writing = Writing.read(None, [words])
    asked = ["peter's", "anna's", "it's", "may's", "let's"]
    assert writing.shown_as(asked) == {"peter's": "Peter's", "anna's": "Anna's"}


def test_a_slip_is_one_letter_from_a_far_more_frequent_word(writing: Writing) -> None:
    counts = {
        "because": 1000, "becuase": 9, "becaus": 8, "beccause": 7, "bexause": 60, "cause": 5,
        "receive": 300, "recieve": 10, "monday": 2, "gaga": 1, "teh": 1, "the": 9000,
    }  # fmt: skip
    assert writing.slips(counts) == ["becuase", "becaus", "beccause", "recieve"]


def test_without_files_nothing_is_said() -> None:
    writing = Writing.read(None, [])
    assert writing.shown_as(["monday"]) == {}
    assert writing.slips({"teh": 1, "the": 100}) == []
