"""A problem's type is a URL that the service answers; what else goes with keys and answers."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.api import problem_pages
from app.errors import SettingsError
from app.main import create_app
from app.serving.repository import Repository
from app.settings import Settings


def test_a_problem_s_type_is_a_page_that_says_what_to_do(client: TestClient) -> None:
    for url, status in (("/v1/predict?phrase=zebra", 422), ("/nothing", 404)):
        problem = client.get(url).json()
        page = client.get(problem["type"])
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert f"{status}: {problem['title']}" in page.text
        assert "What to do" in page.text
    assert client.get("/problems/none").status_code == 404


def test_every_problem_has_a_page(client: TestClient) -> None:
    codes = {kind.code for kind in problem_pages.kinds()}
    assert {"unknown_words", "too_expensive", "overloaded", "internal_error"} < codes
    for code in codes:
        assert client.get(f"/problems/{code}").status_code == 200


def test_keys_come_from_a_file_too(tmp_path: Path, repository: Repository) -> None:
    keys = tmp_path / "keys"
    keys.write_text("one\n\n two \n")
    with TestClient(create_app(Settings(api_keys_file=keys), repository)) as client:
        url = "/v1/predict?phrase=this%20is"
        assert client.get(url).status_code == 401
        for key in ("one", "two"):
            answer = client.get(url, headers={"x-api-key": key})
            assert answer.status_code == 200
            assert "no-store" in answer.headers["cache-control"]
    keys.write_text("\n")
    with pytest.raises(SettingsError, match="holds no key"):
        _ = Settings(api_keys_file=keys).keys
    with pytest.raises(SettingsError, match="cannot be read"):
        _ = Settings(api_keys_file=tmp_path / "none").keys


@pytest.mark.parametrize(("given", "count"), [("null", 4), ("2.0", 2), ("2", 2)])
def test_top_k_is_what_json_calls_an_integer(client: TestClient, given: str, count: int) -> None:
    body = b'{"phrase": "this is", "top_k": %b}' % given.encode()
    assert len(client.post("/v1/predict", content=body).json()["predictions"]) == count
    assert client.post("/v1/predict", content=b'{"phrase": "is", "top_k": 2.5}').status_code == 422


def test_top_k_is_text_in_a_query_string_alone(client: TestClient) -> None:
    answer = client.get("/v1/predict?phrase=this is&top_k=2")
    assert len(answer.json()["predictions"]) == 2
    for text in ("0", "two", "2_0", "2.5", "-1", "9" * 5000):
        assert client.get(f"/v1/predict?phrase=is&top_k={text}").status_code == 422
    assert client.get("/v1/explain?phrase=is&units=1_0").status_code == 422
    body = b'{"phrase": "is", "top_k": "2"}'
    assert client.post("/v1/predict", content=body).status_code == 422


def test_pictures_may_run_nothing(client: TestClient) -> None:
    picture = client.get("/v1/diagram.svg?phrase=this%20is")
    assert picture.headers["content-security-policy"].startswith("default-src 'none'")
    assert picture.headers["x-content-type-options"] == "nosniff"
