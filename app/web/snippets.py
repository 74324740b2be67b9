"""A look as a program asks for it: curl, Python, JavaScript."""

import json
import shlex
from typing import NamedTuple
from urllib.parse import urlencode

BASE = "http://127.0.0.1:8000"  # the page's module puts its own address here


class Snippet(NamedTuple):
    """A few lines to copy."""

    name: str
    code: str


def all_of(phrase: str, model: str, *, keyed: bool) -> tuple[Snippet, ...]:
    """The same request three times; with `keyed` it carries a key."""
    asked = {"phrase": phrase, "model": model, "units": 8}
    url = f"{BASE}/v1/explain?{urlencode(asked)}"
    header = " -H 'Authorization: Bearer KEY'" if keyed else ""
    headers = ', headers={"Authorization": "Bearer KEY"}' if keyed else ""
    options = ', { headers: { Authorization: "Bearer KEY" } }' if keyed else ""
    return (
        Snippet("curl", f"curl {shlex.quote(url)}{header}"),
        Snippet(
            "Python",
            f"import httpx\n\nanswer = httpx.get(\n    {BASE + '/v1/explain'!r}{headers},\n"
            f"    params={asked!r},\n).json()\nprint(answer['predictions'])",
        ),
        Snippet(
            "JavaScript",
            f"const url = {json.dumps(url)};\n"
            f"const answer = await (await fetch(url{options})).json();\n"
            "console.log(answer.predictions);",
        ),
    )
