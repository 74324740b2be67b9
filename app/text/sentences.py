"""A text somebody is typing -> the sentence that is being written, and what is no word of it.

A full stop ends a sentence whether or not a space follows it; that of an abbreviation, of an
ellipsis that goes on in lower case, or of an address does not. Knows no vocabulary and no model.
"""

import re

# The end of a line is one too: what stands under a greeting starts anew.
# What was read is not given back, nor looked at again behind each of its stops.
_END = re.compile(
    r"(?<![.!?…])(?P<mark>[.!?…]++)[\"'”’)\]]*+(?=\s|[^\W\d_]|[☀-➿\U0001f000-\U0001faff]|\Z)|\n"
    r"|(?<=[,:])[ \t]++[\"“](?=[^\W\d_a-z]|\Z)"  # 'He said, "What'
)
# "1)" of a list, "Subject:", "P.S." and "@anna" in front of a line: what follows starts anew.
_ITEM = re.compile(
    r"(?:[ \t]*+(?:(?:\d{1,3}+|[a-zA-Z])\)|[^\W\d_a-z][^\W\d_]*+:"
    r"|[Pp]\.[Ss]\.?+:?+|@\w++[:,]?+)(?=\s|\Z))+"
)
_NAMES = re.compile(r"(?<![^\W_])(?:Name|NAME):\Z")  # what stands there is one
_LONGEST_LABEL = 6
_MARK = re.compile(r"[.!?…\n:;=)@#/<\"“]")  # without any of these, a text is its own sentence
_PAUSE = re.compile(r"\.{2,}+|…")
_INSIDE = re.compile(r"[.!?]+(?!\d)")
_LAST_WORD = re.compile(r"[^\W\d_]+\Z")
_GOES_ON = re.compile(r"\s*+([^\W\d_])")
_LONGEST_ABBREVIATION = 6
_ABBREVIATIONS = frozenset((
    "mr", "mrs", "ms", "dr", "st", "mt", "vs", "etc", "prof", "jr", "sr", "rev", "capt",
    "sgt", "lt", "gov", "dept", "jan", "feb", "aug", "sept", "oct", "nov", "dec", "ph", "inc",
    "ltd", "corp", "approx", "ave", "blvd", "vol", "tel", "ext", "est", "col", "gen", "sen",
))  # fmt: skip
_INITIAL_BEFORE = re.compile(r"(?:\A|[\W_])[A-Z]\. \Z")  # of the "K." of "J. K. Rowling"
_INITIAL_BEHIND = re.compile(r" [A-Z]\.")
# "p.m." and "U.S." are read as one word, as they are written without their stops.
_DOTTED = re.compile(r"(?<![^\W_])(?:Ph|[^\W\d_])(?:\.[^\W\d_](?![^\W\d_]))++\.?(?![^\W\d_])")
_SMILE = re.compile(r"[:;=]-?[DPpOoSsXx](?![^\W_])|<3+(?!\d)")
_LONGEST_ADDRESS = 256  # characters
_TOKEN = re.compile(r"[^\s,;]+")
_SITE = re.compile(  # its end, or that of a file's name
    r"\.(?:com|org|net|edu|gov|io|co|uk|eu|de|fr|ch|nl|app|dev|info|html?|pdf|txt|jpe?g|png|gif"
    r"|docx?|xlsx?|pptx?|csv|zip|js|py|mp\d|exe)(?![^\W_])"
)
_AROUND = "([<.!?…>)]\"'“”‘’"


def last_sentence(before: str, word: str, stand_in: str) -> str:
    """What follows the last end of a sentence, stops that are none blotted out; `word` is what is
    half typed behind it, and `stand_in` what an address is read as.
    """
    if not _MARK.search(before):  # nearly always
        return before
    begin, text = 0, before + word
    for match in _END.finditer(text):
        if match["mark"] is None or _ends(text, begin, match):
            begin = match.end()
    if not begin or text[begin - 1] == "\n":
        item = _ITEM.match(before, begin)
        begin = item.end() if item else begin
    sentence = _read_out(before[begin:], stand_in)
    if word and begin and _NAMES.search(before[max(0, begin - _LONGEST_LABEL) : begin]):
        return f"my name is {sentence}"
    return sentence


def is_address(token: str) -> bool:
    """Whether this is one of e-mail, of a page or a file, somebody's @name, or a #topic."""
    if "@" in token or "://" in token or token.startswith("www."):
        return True
    if token.startswith("#") and token[1:2].isalnum():  # "##" is a heading's
        return True
    site = _SITE.search(token)
    return site is not None and site.start() > 0 and token[site.end() :][:1] in ("", "/", ".", ":")


def last_token(text: str) -> str:
    """The end of a text, back to its last white space."""
    end = text[-_LONGEST_ADDRESS:]
    return end[max(map(end.rfind, " \n\t")) + 1 :]


def _ends(text: str, begin: int, match: re.Match[str]) -> bool:
    """Whether these marks end a sentence, which began at `begin`."""
    marks = match["mark"]
    if (len(marks) > 1 and not marks.strip(".…")) or marks == "…":
        following = _GOES_ON.match(text, match.end())
        return following is None or not following[1].islower()
    if marks == "." and _abbreviates(text, begin, match):
        return False
    after = text[match.end() : match.end() + 1]
    return not after or after.isspace() or not _is_in_address(text, match)


def _abbreviates(text: str, begin: int, match: re.Match[str]) -> bool:
    """Whether a full stop belongs to its word: "Mr."; the stops of "p.m.", "U.S.", "J. R. R."."""
    stop = match.start()
    last = _LAST_WORD.search(text[max(begin, stop - _LONGEST_ABBREVIATION - 1) : stop])
    if last is None:
        return False
    word = last.group()
    if word.lower() in _ABBREVIATIONS:
        return True
    if len(word) > 1:
        return False
    following, after = text[match.end() : match.end() + 1], text[match.end() + 1 : match.end() + 2]
    if word in ("I", "i"):  # "So do I.", and "i.e."
        return following.isalpha() and after == "."
    if following.isalpha() or text[max(begin, stop - 2) : stop - 1] == ".":
        return True
    if not word.isupper():
        return False
    if word != "A" and not text[begin : stop - 1].strip():  # "J. Smith is", and "A." of a list
        return True
    among = _INITIAL_BEFORE.search(text[max(begin, stop - 5) : stop - 1])
    return bool(among or _INITIAL_BEHIND.match(text, match.end()))


def _is_in_address(text: str, match: re.Match[str]) -> bool:
    """Whether the marks, white space on neither side, are those of "example.com"."""
    left = last_token(text[max(0, match.start() - _LONGEST_ADDRESS) : match.start()])
    return is_address(left) or (left[-1:].isalnum() and bool(_SITE.match(text, match.start())))


def _read_out(sentence: str, stand_in: str) -> str:
    """A sentence without its stops and what is no word of it; smiles and "..." are commas."""
    if not _MARK.search(sentence):
        return sentence
    read = _PAUSE.sub(",", _SMILE.sub(",", sentence))
    read = _TOKEN.sub(lambda match: _token_read_out(match[0], stand_in), read)
    return _INSIDE.sub(" ", read)


def _token_read_out(token: str, stand_in: str) -> str:
    if len(token) == 1 or ("." not in token and not is_address(token)):
        return token
    if is_address(token.strip(_AROUND)):
        return f" {stand_in} "
    return _DOTTED.sub(lambda match: match[0].replace(".", ""), token)
