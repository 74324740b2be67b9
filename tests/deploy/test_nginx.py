"""deploy/nginx.conf, run: a prefix, TLS and two processes, of which one goes away under load."""

import html
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

ROOT = Path(__file__).parents[2]
CONF = (ROOT / "deploy" / "nginx.conf").read_text()
UNROLLED = (sys.executable, "-c", "import sys; from app.cli import main; sys.exit(main())")
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

pytestmark = pytest.mark.skipif(
    NGINX is None or shutil.which("openssl") is None, reason="needs nginx and openssl"
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"deploy/nginx.conf has not one {old!r}"
    return text.replace(old, new)


def settings_of_conf() -> dict[str, str]:
    """The settings that the file says the service has."""
    return dict(re.findall(r"(UNROLLED_\w+)=(\S+)", CONF))


def serve(**settings: str) -> "subprocess.Popen[bytes]":
    ours = {k: v for k, v in os.environ.items() if not k.startswith("UNROLLED_")}
    environment = {**ours, **settings_of_conf(), "UNROLLED_DEFAULT_MODEL": "notebook", **settings}
    environment["UNROLLED_MODELS_DIR"] = str(ROOT / "models")
    return subprocess.Popen([*UNROLLED, "serve"], env=environment)


def wait_for(url: str, client: httpx.Client, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(1800):
        assert process.poll() is None
        try:
            if client.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    pytest.fail(f"{url} does not answer")


def listens(at: Path) -> bool:
    """Whether anybody answers at a socket file. (httpx leaves a socket open where nobody does.)"""
    with socket.socket(socket.AF_UNIX) as one:
        return one.connect_ex(str(at)) == 0


class Site:
    """nginx, and the two processes behind it: one at a port, one at a socket file."""

    def __init__(self, folder: Path, started: ExitStack) -> None:
        self._certificate(folder)
        self.trusted = ssl.create_default_context(cafile=str(folder / "cert.pem"))
        self.client = started.enter_context(httpx.Client(verify=self.trusted, timeout=30))
        port, own, at = free_port(), free_port(), folder / "unrolled.sock"
        self.at_port = serve(UNROLLED_PORT=str(port))
        self.at_file = serve(UNROLLED_UNIX_SOCKET=str(at), UNROLLED_TRUSTED_PROXIES="*")
        for process in (self.at_port, self.at_file):
            started.callback(process.wait, 30)
            started.callback(process.terminate)
        with httpx.Client() as direct:
            wait_for(f"http://127.0.0.1:{port}/readyz", direct, self.at_port)
        while not listens(at):
            assert self.at_file.poll() is None
            time.sleep(0.05)
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(at))) as direct:
            wait_for("http://localhost/readyz", direct, self.at_file)
        conf = replaced(CONF, "127.0.0.1:8000;", f"127.0.0.1:{port};")
        conf = replaced(conf, "127.0.0.1:8001;", f"unix:{at};")
        conf = replaced(conf, "listen 443", f"listen 127.0.0.1:{own}")
        conf = replaced(conf, "server_name words.example.org", "server_name localhost")
        conf = replaced(conf, "/etc/ssl/certs/words.example.org.pem", str(folder / "cert.pem"))
        conf = replaced(conf, "/etc/ssl/private/words.example.org.key", str(folder / "key.pem"))
        nowhere = " ".join(
            f"{kind}_temp_path {folder}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        conf = replaced(conf, "http {\n", f"http {{ {nowhere}\n")
        (folder / "nginx.conf").write_text(f"user root;\n{conf}" if os.getuid() == 0 else conf)
        command = (str(NGINX), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf"))
        self.nginx = subprocess.Popen(
            [*command, "-g", f"daemon off; pid {folder}/pid; error_log stderr;"]
        )
        started.callback(self.nginx.wait, 30)
        started.callback(self.nginx.terminate)
        self.url = f"https://localhost:{own}"
        wait_for(f"{self.url}/words/readyz", self.client, self.nginx)

    def _certificate(self, folder: Path) -> None:
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
                *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
                *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
            ],
            check=True,
            capture_output=True,
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with ExitStack() as started:
        yield Site(tmp_path_factory.mktemp("nginx"), started)


def test_the_first_page_and_its_redirects_stay_below_the_prefix(site: Site) -> None:
    answer = site.client.get(f"{site.url}/words", follow_redirects=True)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    passed = [str(one.url) for one in (*answer.history, answer)]
    assert passed[:2] == [f"{site.url}/words", f"{site.url}/words/"]
    assert all(url.startswith(f"{site.url}/words/") for url in passed[1:])


def test_everything_that_the_pages_name_is_there(site: Site) -> None:
    for page in ("/words/", "/words/docs"):
        answer = site.client.get(site.url + page, follow_redirects=True)
        named = re.findall(r"""(?:href|src|url)\s*[=:]\s*["']([^"'#]+)["']""", answer.text)
        assert named, page
        for one in {urljoin(str(answer.url), html.unescape(name)) for name in named}:
            if one.startswith(site.url):
                assert one.startswith(f"{site.url}/words/"), one
                assert site.client.get(one, follow_redirects=True).status_code == 200, one


def test_the_document_says_where_the_service_is(site: Site) -> None:
    document = site.client.get(f"{site.url}/words/openapi.json").json()
    [server] = document["servers"]
    assert urljoin(f"{site.url}/words/openapi.json", server["url"]) == f"{site.url}/words"
    asked = {"phrase": "this is", "model": "notebook"}
    answer = site.client.post(f"{site.url}/words/v1/predict", json=asked)
    assert answer.json()["next_word"] == "an"


def test_the_document_is_there_with_a_slash_too_many(site: Site) -> None:
    for _ in range(2):  # of both processes
        assert site.client.get(f"{site.url}/words/openapi.json/").status_code == 200


def test_no_request_is_lost_when_one_of_two_processes_is_stopped(site: Site) -> None:
    statuses: list[int] = []
    gone = threading.Event()

    def ask() -> None:
        with httpx.Client(verify=site.trusted) as client:
            after = 0
            while after < 50:
                after += gone.is_set()
                body = {"phrase": "this is", "model": "notebook"}
                statuses.append(client.post(f"{site.url}/words/v1/predict", json=body).status_code)

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for one in asking:
        one.start()
    try:
        site.at_port.send_signal(signal.SIGTERM)
        assert site.at_port.wait(60) == 0
    finally:
        gone.set()
        for one in asking:
            one.join()
    assert set(statuses) == {200}, statuses
    assert len(statuses) >= 200
