"""README.md and docs/ are true: commands are run, answers compared, tables held to the code.

In a `console` block a line after `$ ` is a command and the lines up to the next one are its output,
where … stands for what changes from run to run. Blocks marked `sh` are for people and not run.
"""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import typer.main
from pydantic import BaseModel

from app.cli import app as command_line
from app.errors import InternalError, RequestError
from app.settings import Settings

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
LINKING = (*PAGES, *sorted((ROOT / "benchmarks").glob("*.md")))
DOCS = {str(page.relative_to(ROOT)): page.read_text() for page in PAGES}
UNROLLED = (sys.executable, "-c", "import sys; from app.entry import main; sys.exit(main())")
SERVICE = "127.0.0.1:8000"  # as the documentation calls it


class Step(NamedTuple):
    command: str
    output: str


class Service(NamedTuple):
    url: str
    folder: Path  # where it runs; its models are in models/


def blocks(language: str, *pages: str) -> list[str]:
    """The fenced blocks of a language, in these pages or in all."""
    text = "\n".join(DOCS[page] for page in pages or DOCS)
    fenced = re.findall(r"^```(\w*)\n(.*?)\n```$", text, re.DOTALL | re.MULTILINE)
    return [content for name, content in fenced if name == language]


def steps(block: str) -> list[Step]:
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [Step(*part.partition("\n")[::2]) for part in parts]


def table_after(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, without its head."""
    [below] = [
        text.split(f"{heading}\n", 1)[1] for text in DOCS.values() if f"\n{heading}\n" in text
    ]
    table = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE)
    assert table is not None
    rows = table.group().splitlines()[2:]
    return [[cell.strip() for cell in row[1:-1].split("|")] for row in rows]


def code_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def environment(folder: Path) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("UNROLLED_")}
    return inherited | {"PYTHONPATH": str(ROOT), "PWD": str(folder)}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service in a folder of its own, with the shipped models, and texts to train on."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "models").mkdir()
    for model in ("english", "notebook"):
        (folder / "models" / model).symlink_to(ROOT / "models" / model)
    sentences = ["once upon a time there was a cat", "the cat sat on the mat", "i like the cat"]
    (folder / "corpus.txt").write_text("\n".join(sentences * 100))
    (folder / "held-out.txt").write_text("\n".join(sentences))
    for kept, name in (("lstm.h5", "next_word.h5"), ("plain-4.pickle", "tokenizer.pickle")):
        (folder / name).symlink_to(ROOT / f"tests/importing/fixtures/tf-2.15-{kept}")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [*UNROLLED, "serve", "--port", str(port)], cwd=folder, env=environment(folder)
    )
    url = f"http://127.0.0.1:{port}"
    wait_for(f"{url}/readyz", process)
    yield Service(url, folder)
    process.terminate()
    assert process.wait(30) == 0


def wait_for(url: str, process: subprocess.Popen[bytes] | None = None) -> None:
    for _ in range(300):
        assert process is None or process.poll() is None
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail(f"{url} does not answer")


def curl(command: str, service: Service) -> str:
    """What `curl` would print: -d, -H, -X and -o, as the documentation uses them."""
    words = iter(shlex.split(command)[1:])
    url, data, file, method = "", None, None, "POST"
    headers = {"content-type": "application/x-www-form-urlencoded"}  # as curl sends it
    for word in words:
        if word == "-d":
            data = next(words)
        elif word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-o":
            file = service.folder / next(words)
        else:
            assert not word.startswith("-"), f"the tests do not know {word}"
            url = word.replace(SERVICE, service.url)
    if data is None:
        answer = httpx.get(url)
    else:
        answer = httpx.request(method, url, content=data, headers=headers)
    assert answer.status_code < 500
    if file is None:
        return answer.text
    assert answer.status_code == 200
    file.write_bytes(answer.content)
    return ""


def unrolled(command: str, service: Service) -> str:
    words = shlex.split(command)[1:]
    done = subprocess.run(
        [*UNROLLED, *words],
        cwd=service.folder,
        env=environment(service.folder),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_same_json(printed: Any, real: Any, where: str = "") -> None:
    if isinstance(printed, str) and printed.endswith("…"):
        assert str(real).startswith(printed[:-1]), where
    elif isinstance(printed, dict):
        assert list(printed) == list(real), where
        for key, value in printed.items():
            assert_same_json(value, real[key], f"{where}/{key}")
    elif isinstance(printed, list):
        assert len(printed) == len(real), where
        for at, (one, other) in enumerate(zip(printed, real, strict=True)):
            assert_same_json(one, other, f"{where}/{at}")
    elif isinstance(printed, float):
        assert real == pytest.approx(printed, rel=1e-5, abs=1e-6), where
    else:
        assert printed == real, where


_FLOAT = re.compile(r"-?\d+\.\d+")


def assert_same_text(printed: str, real: str) -> None:
    if printed.strip() == "…":
        return
    lines = printed.rstrip().splitlines(), real.strip("\n").splitlines()
    if lines[0][-1:] == ["…"]:  # and so on
        lines = lines[0][:-1], lines[1][: len(lines[0]) - 1]
    for one, other in zip_longest(*(map(str.rstrip, side) for side in lines), fillvalue=""):
        assert _FLOAT.split(one) == _FLOAT.split(other)
        floats = [[float(number) for number in _FLOAT.findall(line)] for line in (one, other)]
        assert floats[1] == pytest.approx(floats[0], rel=1e-4, abs=1e-6), one


def session(block: str) -> Any:
    found = steps(block)
    return pytest.param(found, id=found[0].command[:60])


@pytest.mark.parametrize("typed", [session(block) for block in blocks("console")])
def test_commands_answer_what_is_printed(typed: list[Step], service: Service) -> None:
    for command, output in typed:
        if command.startswith("curl "):
            real = curl(command, service)
        else:
            assert command.startswith("unrolled "), command
            real = unrolled(command, service)
        if output.startswith(("{", "[")):
            printed = output.replace(": …", ': "…"')
            assert_same_json(json.loads(printed), json.loads(real), command)
        else:
            assert_same_text(output, real)


@pytest.mark.tensorflow
def test_a_keras_model_saved_as_printed_is_served(service: Service) -> None:
    pytest.importorskip("tensorflow")
    [snippet] = blocks("python", "docs/models.md")
    subprocess.run([sys.executable, "-c", snippet], cwd=service.folder, timeout=300, check=True)
    assert "largest_difference_from_keras" in unrolled("unrolled check models/cat", service)
    wait_for(f"{service.url}/v1/models/cat")
    answer = httpx.get(f"{service.url}/v1/predict?phrase=the+cat+sat&model=cat").json()
    assert answer["next_word"] == "on"


def test_every_curl_with_an_answer_is_run() -> None:
    in_sh = [line for block in blocks("sh") for line in block.splitlines()]
    assert not [line for line in in_sh if line.startswith("$")]
    assert [line for line in in_sh if line.startswith("curl")] == [
        line for line in in_sh if line.startswith("curl") and "model=cat" in line
    ]


def test_every_setting_is_in_the_table_with_its_default() -> None:
    settings = Settings.model_fields
    documented = {code_in(row[0])[0]: row[1].strip("`") for row in table_after("## Settings")}
    expected = {}
    for name, field in settings.items():
        default = field.get_default(call_default_factory=True, validated_data={})
        expected[f"UNROLLED_{name.upper()}"] = "" if default in (None, ()) else str(default)
    expected["UNROLLED_MODELS_DIR"] = "models"
    assert documented == expected


def test_every_command_is_named() -> None:
    listed = DOCS["docs/operations.md"].partition("## Command line")[2].partition(".")[0]
    commands = typer.main.get_command(command_line).commands  # type: ignore[attr-defined]
    assert sorted(code_in(listed.replace("`unrolled ", "`"))) == sorted(commands)


def test_every_endpoint_is_in_the_table(service: Service) -> None:
    documented = {path for row in table_after("## Endpoints") for path in code_in(row[0])}
    served = set(httpx.get(f"{service.url}/openapi.json").json()["paths"])
    documented -= {"/", "/docs", "/openapi.json"}
    assert documented == served, "docs/http.md has a row for each"
    for path in ("/docs", "/openapi.json"):
        assert httpx.get(f"{service.url}{path}").status_code == 200


def test_every_endpoint_has_an_example() -> None:
    commands = [step.command for block in blocks("console") for step in steps(block)]
    called = [
        re.sub(r"\?.*", "", word.removeprefix(SERVICE))
        for command in commands
        for word in shlex.split(command)
        if word.startswith(SERVICE)
    ]
    for row in table_after("## Endpoints"):
        pattern = code_in(row[0])[-1].replace("{name}", ".+")
        pattern = re.sub(r"{\w+}", "[^/]+", pattern)
        if pattern not in ("/metrics", "/openapi.json", "/v1/models"):
            assert any(re.fullmatch(pattern, path) for path in called), row[0]


def test_every_error_code_is_in_the_table_with_its_status() -> None:
    documented = {code_in(row[0])[0]: int(row[1]) for row in table_after("### Problems")}
    told = [InternalError, *subclasses(RequestError)]
    assert documented == {kind.code: kind.status for kind in told}


def subclasses(kind: Any) -> Iterator[Any]:
    for one in kind.__subclasses__():
        yield one
        yield from subclasses(one)


def test_every_field_of_the_model_card_is_named() -> None:
    from app.folder.card import Card

    card: type[BaseModel] = Card
    section = DOCS["docs/models.md"].split("## Bring your own Keras model")[1].split("\n## ")[0]
    missing = [name for name in card.model_fields if f"`{name}`" not in section]
    assert missing == []


def test_every_dependency_earns_its_place_in_the_table() -> None:
    documented = {name for row in table_after("## Dependencies") for name in code_in(row[0])}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[<>=; ]", line)[0] for line in project["dependencies"]}
    assert documented == declared


def tree() -> set[str]:
    """The paths in the annotated tree, by its indentation."""
    [drawn] = [block for block in blocks("", "README.md") if block.startswith("app/")]
    paths, parents = set(), [(-1, "")]
    for line in drawn.splitlines():
        name = line.split()[0]
        indentation = len(line) - len(line.lstrip())
        while parents[-1][0] >= indentation:
            parents.pop()
        path = parents[-1][1] + name
        paths.add(path)
        if name.endswith("/"):
            parents.append((indentation, path))
    return paths


def test_the_tree_has_every_room_and_nothing_else() -> None:
    drawn = tree()
    assert [path for path in drawn if not (ROOT / path).exists()] == []
    inside = {path for path in (ROOT / "app").iterdir() if not path.name.startswith("__")}
    rooms = {f"app/{path.name}/" if path.is_dir() else f"app/{path.name}" for path in inside}
    assert rooms - drawn == set()


def anchors(page: Path) -> set[str]:
    """What GitHub calls a page's headings: lower case, hyphens for spaces, marks left out; the
    second of a name has -1 behind it.
    """
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+)$", prose, re.MULTILINE):
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        numbers = ("", *(f"-{number}" for number in range(1, 100)))
        found.add(next(slug + number for number in numbers if slug + number not in found))
    return found


@pytest.mark.parametrize("page", [str(page.relative_to(ROOT)) for page in LINKING])
def test_links_lead_somewhere(page: str) -> None:
    prose = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(), flags=re.DOTALL | re.MULTILINE)
    lost = []
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)", prose):
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


def test_anchors_are_made_as_github_makes_them(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# `/v1/suggest`, and *more* (2)\n## A [link](x.md#y)\n## Again\n"
        "```sh\n# none\n```\n### Again\n"
    )
    assert anchors(page) == {"v1suggest-and-more-2", "a-link", "again", "again-1"}


def test_readme_is_short() -> None:
    assert len(DOCS["README.md"].splitlines()) <= 260


def test_the_picture_in_readme_is_what_the_service_draws(service: Service) -> None:
    drawn = httpx.get(f"{service.url}/v1/diagram.svg?phrase=this+is&model=notebook").text
    assert (ROOT / "docs/this-is.svg").read_text().strip() == drawn.strip()
