"""Links are tried: which ones, how, and what counts as gone."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from newsletter.emails.checks.checked import Answer
from newsletter.fetch import Fetcher
from newsletter.pipeline.check import prober, tried
from newsletter.pipeline.checking import addresses_of
from tests.checking import MARKET, looked_at, written


class Pages(BaseHTTPRequestHandler):
    """A site with a page, a picture, a page that is moved, and one that does not know HEAD."""

    asked: Counter[str]

    def do_HEAD(self) -> None:
        if self.path == "/no-head":
            self._say(405)
        else:
            self.do_GET()

    def do_GET(self) -> None:
        self.asked[self.path] += 1
        if self.path == "/moved":
            self._say(301, Location="/page")
        elif self.path == "/inside":
            self._say(302, Location="http://10.0.0.1/")
        elif self.path == "/picture.png":
            self._say(200, **{"Content-Type": "image/png"})
        else:
            self._say(404 if self.path == "/gone" else 200, **{"Content-Type": "text/html; charset=utf-8"})

    def _say(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    """The address of `Pages`, on this machine."""
    Pages.asked = Counter()
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/page", Answer(200, media_type="text/html")),
        ("/page#part", Answer(200, media_type="text/html")),
        ("/picture.png", Answer(200, media_type="image/png")),
        ("/moved", Answer(200, media_type="text/html")),
        ("/no-head", Answer(200, media_type="text/html")),
        ("/gone", Answer(404, media_type="text/html")),
    ],
)
def test_a_link_is_asked_by_head_then_by_get_through_redirects(server: str, path: str, answer: Answer) -> None:
    assert prober(Fetcher(pause_s=0, allow_loopback=True))(server + path) == answer


def test_a_link_into_a_private_network_is_gone_however_it_leads_there(server: str) -> None:
    straight = prober(Fetcher(pause_s=0))(f"{server}/page")
    redirected = prober(Fetcher(pause_s=0, allow_loopback=True))(f"{server}/inside")

    assert (straight.status, straight.is_gone) == (redirected.status, redirected.is_gone) == (None, True)
    assert "private network" in straight.reason
    assert Pages.asked == {"/inside": 1}


def test_a_host_that_does_not_exist_is_gone() -> None:
    def nobody(_host: str, _port: int) -> list[str]:
        raise OSError

    answer = prober(Fetcher(resolve=nobody))("https://nowhere.example.org/")

    assert (answer.status, answer.is_gone) == (None, True)


def test_each_address_is_tried_once() -> None:
    asked: Counter[str] = Counter()

    def probe(address: str) -> Answer:
        asked[address] += 1
        return Answer(200)

    answers = tried(["https://a.example.org/", "https://b.example.org/", "https://a.example.org/"], probe)

    assert answers == {"https://a.example.org/": Answer(200), "https://b.example.org/": Answer(200)}
    assert set(asked.values()) == {1}


def test_what_only_our_own_server_answers_is_not_tried() -> None:
    post = written(
        '<p>See <a href="https://www.example.net/x">the stalls</a>, <a href="mailto:ann@example.net">Ann</a>, and'
        ' <img src="https://pictures.example.net/y.png" alt="a stall">.</p>',
        url=None,
    )

    addresses = addresses_of(looked_at(post, MARKET))

    assert addresses == [
        "https://www.example.net/x",
        "https://www.example.org/diary/market",
        "https://pictures.example.net/y.png",
    ]
