"""Fetching public addresses: what is refused, what an answer may be, and how polite it is."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from newsletter import clock
from newsletter.fetch import Fetcher, NotFetched, is_public
from tests.loopback.pages import Page, Pages, serving

PEM = Path(__file__).parent.parent / "loopback" / "localhost.pem"


@pytest.fixture
def web() -> Iterator[Pages]:
    """A web server on loopback."""
    with serving() as pages:
        yield pages


def fetcher(timeout_s: float = 10) -> Fetcher:
    return Fetcher(allow_loopback=True, pause_s=0, timeout_s=timeout_s)


def refused(url: str, fetcher: Fetcher) -> NotFetched:
    with pytest.raises(NotFetched) as caught:
        fetcher.get(url, max_bytes=1000)
    return caught.value


# --- what may be fetched ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "255.255.255.255", "224.0.0.1", "240.0.0.1", "192.0.2.1", "198.18.0.1", "nonsense", ""),
        *("::", "::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "2001:0:5ef5:79fd:0:0:80ff:fffe"),
    ],
)
def test_an_address_that_is_not_of_the_open_internet_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_an_address_of_the_open_internet_is_public(address: str) -> None:
    assert is_public(address)


def test_the_machines_own_servers_are_never_asked(web: Pages) -> None:
    port = web.port
    hosts = (
        f"127.0.0.1:{port}",
        f"localhost:{port}",
        f"2130706433:{port}",
        f"0x7f.1:{port}",
        f"[::ffff:7f00:1]:{port}",
    )

    errors = [refused(f"http://{host}/", Fetcher()) for host in hosts]

    assert all(error.is_refused and "private network" in error.reason for error in errors)
    assert web.asked == []


@pytest.mark.parametrize(
    "url",
    ["ftp://example.org/a", "file:///etc/passwd", "//example.org/a", "a.png", "", "http://", "http://a:b@example.org/"],
)
def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    assert refused(url, Fetcher()).is_refused


def test_a_host_with_one_private_address_among_public_ones_is_refused() -> None:
    both = Fetcher(resolve=lambda host, port: ["8.8.8.8", "10.0.0.1"])

    error = refused("http://rebind.example.org/", both)

    assert error.is_refused
    assert "rebind.example.org is 10.0.0.1" in error.reason


def test_a_name_is_looked_up_once_and_the_connection_goes_to_what_was_found(web: Pages) -> None:
    web.pages["/"] = Page(b"here")
    answers: list[Sequence[str]] = [["127.0.0.1"], ["10.0.0.1"]]
    rebinding = Fetcher(allow_loopback=True, pause_s=0, resolve=lambda host, port: answers.pop(0))

    found = rebinding.get(f"http://rebind.example.org:{web.port}/", max_bytes=1000)

    assert found.body == b"here"
    assert web.hosts == [f"rebind.example.org:{web.port}"]
    assert answers == [["10.0.0.1"]]


@pytest.mark.parametrize("to", ["http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd"])
def test_a_redirect_into_a_private_network_is_refused(web: Pages, to: str) -> None:
    web.pages["/"] = Page(status=302, headers={"Location": to})

    assert refused(f"{web.url}/", fetcher()).is_refused


# --- answers ---------------------------------------------------------------------------------------------------


def test_redirects_are_followed_to_the_answer(web: Pages) -> None:
    web.pages["/a"] = Page(status=301, headers={"Location": "b%20c?d=é"})
    web.pages["/b%20c?d=%C3%A9"] = Page(b"there", headers={"Content-Type": "Image/PNG; x=y"})

    found = fetcher().get(f"{web.url}/a", max_bytes=1000)

    assert (found.status, found.content_type, found.body) == (200, "image/png", b"there")
    assert found.url.startswith(f"{web.url}/b")


def test_a_ring_of_redirects_ends(web: Pages) -> None:
    web.pages["/"] = Page(status=302, headers={"Location": "/"})

    assert "more than 3 times" in refused(f"{web.url}/", fetcher()).reason
    assert len(web.asked) == 4


def test_an_error_status_is_an_answer_too(web: Pages) -> None:
    assert fetcher().get(f"{web.url}/gone", max_bytes=1000).status == 404


@pytest.mark.parametrize("page", [Page(b"x" * 1001), Page(drips=True)])
def test_a_body_over_the_limit_is_not_read_to_its_end(web: Pages, page: Page) -> None:
    web.pages["/"] = page

    assert "larger than" in refused(f"{web.url}/", fetcher()).reason


def test_a_body_that_breaks_off_is_no_answer(web: Pages) -> None:
    web.pages["/"] = Page(b"half of it", cut=True)

    error = refused(f"{web.url}/", fetcher(timeout_s=0.5))

    assert not error.is_refused


def test_a_server_that_drips_does_not_keep_us(web: Pages) -> None:
    web.pages["/"] = Page(drips=True)

    with pytest.raises(NotFetched, match=r"did not answer within 0\.3 seconds"):
        fetcher(timeout_s=0.3).get(f"{web.url}/", max_bytes=2 * 10**9)


def test_nobody_there_is_told() -> None:
    with serving() as gone:
        url = gone.url

    assert "cannot be reached" in refused(f"{url}/", fetcher()).reason


def test_a_certificate_has_to_be_for_the_host_and_from_somebody_known() -> None:
    theirs, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=str(PEM))
    theirs.load_cert_chain(PEM)
    with serving(theirs) as web:
        web.pages["/"] = Page(b"safe")
        knowing = Fetcher(allow_loopback=True, pause_s=0, tls=ours, resolve=lambda host, port: ["127.0.0.1"])

        found = knowing.get(f"https://localhost:{web.port}/", max_bytes=1000)
        other = refused(f"https://other.example.org:{web.port}/", knowing)
        unknown = refused(f"https://localhost:{web.port}/", fetcher())

    assert found.body == b"safe"
    assert "certificate" in other.reason
    assert "certificate" in unknown.reason


# --- manners ---------------------------------------------------------------------------------------------------


def test_a_probe_asks_for_no_body_and_falls_back_to_get(web: Pages) -> None:
    web.pages["/a"] = Page(b"x" * 5000)

    found, missing = fetcher().probe(f"{web.url}/a"), fetcher().probe(f"{web.url}/b")

    assert (found.status, found.body, missing.status) == (200, b"", 404)
    assert web.asked == [("HEAD", "/a"), ("HEAD", "/b"), ("GET", "/b")]


def test_a_server_that_asks_to_wait_is_not_asked_again(web: Pages) -> None:
    web.pages["/"] = Page(status=429)

    assert fetcher().probe(f"{web.url}/").status == 429
    assert web.asked == [("HEAD", "/")]


def test_one_host_is_given_a_pause_between_two_questions(web: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(clock, "sleep", waits.append)
    polite = Fetcher(allow_loopback=True, pause_s=60)

    for path in ("/a", "/b"):
        polite.get(web.url + path, max_bytes=1000)

    assert len(waits) == 1
    assert 0 < waits[0] <= 60


def test_it_says_who_asks_and_brings_nothing_else(web: Pages) -> None:
    fetcher().get(f"{web.url}/", max_bytes=1000, accept="image/*")

    assert set(web.headers[0]) == {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}
