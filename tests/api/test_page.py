"""The page as any browser gets it, without JavaScript: its answer, its problems, its policy."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from app.engines.numpy_engine import NumpyEngine
from app.main import PROTOCOLS, create_app
from app.serving.repository import Repository
from app.settings import Settings
from tests.small_models import model_of, small_model, small_network


def visible(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def test_the_answer_stands_in_it(client: TestClient) -> None:
    response = client.get("/?phrase=this+is&model=notebook")
    assert response.status_code == 200
    text = visible(response.text)
    for part in (
        "−0.9999972",
        "−0.9945943",
        "46.75 %",
        "simple_rnn/recurrent_kernel",
        "0.46750897",
    ):
        assert part in text


def test_it_opens_with_an_example(client: TestClient) -> None:
    assert 'spellcheck="false" autocapitalize="off">this is</textarea>' in client.get("/").text


def test_what_an_address_has_beside_is_left_alone(client: TestClient) -> None:
    assert client.get("/?phrase=this+is&utm_source=a_b").status_code == 200


def test_a_permalink_names_a_step_and_a_unit(client: TestClient) -> None:
    html = client.get("/?phrase=this+is&model=notebook&t=0&unit=0").text
    assert 'id="part-arithmetic" open data-t="0" data-unit="0"' in html
    assert 'href="?phrase=this+is&amp;model=notebook&amp;t=0&amp;unit=0"' in html


def test_a_field_that_is_left_empty_is_none(client: TestClient) -> None:
    """As a form sends it, and as an answer, a look and JSON have it."""
    for path in ("/", "/page/look"):
        without = client.get(f"{path}?phrase=this+is&model=notebook")
        assert without.status_code == 200
        for empty in ("t=", "unit=", "t=&unit=&experiments=0"):
            answer = client.get(f"{path}?phrase=this+is&model=notebook&{empty}")
            assert (answer.status_code, answer.text) == (200, without.text)
    asked = {"phrase": "this is", "model": "notebook"}
    whole = client.post("/page/look", json=asked).text
    for nothing in ("", None):
        answer = client.post("/page/look", json={**asked, "t": nothing, "unit": nothing})
        assert (answer.status_code, answer.text) == (200, whole)
    assert client.get("/?phrase=this+is&model=notebook&t=-1").status_code == 422


def test_no_field_of_a_query_is_a_fault_when_it_is_empty(client: TestClient) -> None:
    """Of any endpoint: what a validator makes of nothing, bounds are asked about, too."""
    looked = 0
    for protocol in PROTOCOLS:
        for endpoint in protocol.endpoints:
            if endpoint.request is None or "GET" not in endpoint.methods:
                continue
            for field in endpoint.request.model_fields:
                path = endpoint.path.replace("{model_id}", "notebook")
                for text in ("", "+", "null", "0", "1e308", "%00"):
                    answer = client.get(f"{path}?phrase=this+is&{field}={text}")
                    assert answer.status_code < 500, (path, field, text)
                    looked += 1
    assert looked > 200


def test_orders_and_words_left_out(client: TestClient) -> None:
    text = visible(client.get("/?phrase=this+is&model=notebook&experiments=1&other=is+an").text)
    assert "each of these 2 orders" in text
    assert "tanh is full" in text
    assert "46.79 %" in text
    assert "The states are" in text


def test_an_unknown_word_is_a_problem_with_a_way_out(client: TestClient) -> None:
    response = client.get("/?phrase=thsi+is&model=notebook")
    assert response.status_code == 422
    assert 'href="?phrase=this+is&amp;model=notebook">this</a>' in response.text
    assert client.get("/?phrase=this&model=nope").status_code == 404


@pytest.mark.parametrize("path", ["/", "/notebook"])
def test_the_policy_allows_no_inline_script_or_style(client: TestClient, path: str) -> None:
    response = client.get(path)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*(src=|json))", response.text)
    assert not re.search(r'(?:src|href)="(?:https?:)?/', response.text), "addresses are relative"


def test_what_was_typed_is_text(client: TestClient) -> None:
    html = client.get("/?phrase=%3Cscript%3Ealert(1)%3C/script%3E&model=notebook").text
    assert "<script>alert" not in html


def test_the_answer_that_is_to_be_guessed_is_not_shown_before(client: TestClient) -> None:
    before, after = client.get("/notebook").text.split('id="guess"')
    assert "guess it below" in before
    assert "an 41.81" in visible(before)
    assert "41.60" not in visible(before)
    assert "too few" not in before
    assert "41.60" in visible(after)


def test_the_notebook_is_trained_without_javascript(client: TestClient) -> None:
    text = visible(client.get("/notebook?epochs=500").text)
    assert "Trained: 13 numbers, 500 epochs" in text
    assert "500 steps are too few" in text
    assert client.get("/notebook?text=two+words").status_code == 422


@pytest.fixture(scope="module")
def locked() -> Iterator[TestClient]:
    app = create_app(Settings(api_keys=("secret",)), Repository.of(small_model()))
    with TestClient(app) as client:
        yield client


def test_with_keys_the_page_asks_for_one_and_computes_nothing(locked: TestClient) -> None:
    for path in ("/?phrase=w1", "/notebook"):
        response = locked.get(path)
        assert response.status_code == 200
        assert "asks for an API key" in response.text
        assert "w1 </" not in response.text
        assert 'id="said"' not in response.text
    assert locked.get("/page/look?phrase=w1").status_code == 401
    assert locked.get("/page/notebook").status_code == 401
    headers = {"authorization": "Bearer secret"}
    assert 'id="said"' in locked.get("/page/look?phrase=w1", headers=headers).text


def test_files_are_compressed_and_kept(client: TestClient) -> None:
    response = client.get("/static/suggest.js", headers={"accept-encoding": "gzip"})
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.headers["content-encoding"] == "gzip"
    plain = client.get("/static/suggest.js", headers={"accept-encoding": "gzip;q=0"})
    assert "content-encoding" not in plain.headers
    assert plain.content == response.content  # inflated
    tags = plain.headers["etag"], response.headers["etag"]
    assert tags[0] != tags[1]  # strong tags, of other bytes
    for known in (*tags, f"W/{tags[0]}", f'"x", {tags[1]}'):
        again = client.get("/static/suggest.js", headers={"if-none-match": known})
        assert again.status_code == 304
    assert client.get("/static/nope.js").status_code == 404
    assert len(response.text.splitlines()) <= 150


def test_what_is_not_so_of_a_model_is_not_said_of_it() -> None:
    """A model that drops unknown words and takes any length is not said to do otherwise."""
    one = small_model()
    options = one.options._replace(unknown=None, drop_unknown=True, padding="none")
    with TestClient(create_app(Settings(), Repository.of(replace(one, options=options)))) as client:
        text = visible(client.get("/?phrase=w1+nonsense+w2").text)
    assert "Not in the vocabulary, left out as in training: nonsense" in text
    assert "takes a phrase as long as it is: nothing is filled up" in text
    assert "None" not in text


def test_many_weights_are_folded(client: TestClient) -> None:
    few = client.get("/?phrase=this+is&model=notebook").text
    assert few.count('<details class="weight" open>') == 5
    one = model_of(NumpyEngine(small_network(units=(4,), classes=20)))
    with TestClient(create_app(Settings(), Repository.of(one))) as other:
        many = other.get("/?phrase=w1").text
    folded = re.findall(r'<details class="weight"><summary><code>([^<]*)', many)
    assert folded == ["embedding/embeddings", "dense/kernel"]


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ("/notebook/?epochs=3", "../notebook?epochs=3"),
        ("/docs//", "../../docs"),
        ("/words?phrase=this+is", "words/?phrase=this+is"),
        ("/words/docs/", "../docs"),
    ],
)
def test_a_page_is_only_where_its_relative_links_hold(
    repository: Repository, asked: str, there: str
) -> None:
    app = create_app(Settings(root_path="/words"), repository)
    with TestClient(app) as client:
        response = client.get(asked, follow_redirects=False)
        assert (response.status_code, response.headers["location"]) == (308, there)
        assert client.get(asked).status_code == 200
        for page in ("/", "/docs", "/words/", "/words/notebook"):
            assert client.get(page, follow_redirects=False).status_code == 200
