"""What a sentence's next word does not hang on."""

import pytest

from app.text.asides import without_asides


@pytest.mark.parametrize(
    ("sentence", "read"),
    [
        ("Hello, how", "Hello, how"),
        ("Hi Anna, how", "Hi, how"),
        ("hey man, what", "hey, what"),
        ("Hi Anna - how", "Hi, how"),
        ("Hi Anna — how", "Hi, how"),
        ("Hi Anna-Maria -- how", "Hi, how"),
        ("Hi Anna; how", "Hi, how"),
        ("Dear Mr Smith: I", ", I"),
        ("Thanks - I", "Thanks, I"),
        ("Thanks for that - I", "Thanks for that - I"),
        ("Good morning all, the", "Good morning, the"),
        ("Dear John, I", ", I"),
        ("Hey, Anna, how", "Hey, how"),
        ("Hi, Anna Smith, how", "Hi, how"),
        ("Hi, how are you, Anna", "Hi, how are you, Anna"),
        ("Thanks, please, I", "Thanks, please, I"),
        ("Dear Sir or Madam, ", ", "),
        ("Dear Mr  Smith, ", ", "),
        ("Thanks for the flowers, they", "Thanks for the flowers, they"),
        ("History, the", "History, the"),
        ("I said hi Anna, how", "I said hi Anna, how"),
        ("he/she is", "she is"),
        ("he/she/they are", "they are"),
        ("so he/", "so "),
        ("tea and/or milk", "tea or milk"),
        ("tea and/", "tea and/"),
        ("9/11 was", "9/11 was"),
        ("see /usr/lib and", "see /usr/lib and"),
        ("w/o", "w/o"),
    ],
)
def test_a_greeting_s_name_and_the_other_of_two_words_are_left_out(
    sentence: str, read: str
) -> None:
    assert without_asides(sentence) == read
