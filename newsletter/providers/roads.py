"""The ways to one API: its address, the proxy before it and its certificates, as requests finds them out.

Finding out takes longer than a small call, so for calls that carry mail it is done once a path; what is left of such a
call then is urllib3's, on which requests stands.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_environ_proxies
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, Timeout
from urllib3.exceptions import LocationValueError

from newsletter.errors import BadInput, Place
from newsletter.providers.body import Body
from newsletter.providers.reasons import tidy_reason

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""What a proxy would take for itself."""


class Road(NamedTuple):
    """What is the same for all calls of one path."""

    pool: HTTPConnectionPool
    target: str
    """The path, or the whole address where a proxy wants it."""
    headers: dict[str, str]


class Roads(HTTPAdapter):
    def __init__(
        self, base_url: str, *, headers: Mapping[str, str], connections: int, timeout_s: tuple[float, float]
    ) -> None:
        """Raises `BadInput` for a `base_url` that is no address. `timeout_s`: to connect, and to wait for a byte."""
        super().__init__(pool_maxsize=connections, max_retries=0)
        _check(base_url)
        self._base_url = base_url
        self._timeout_s, self._timeout = timeout_s, Timeout(*timeout_s)
        self._session = _session(base_url, self)
        self._session.headers.update(headers)
        self._known: dict[str, Road] = {}

    def post(self, path: str, headers: Mapping[str, str] | None, body: Body) -> BaseHTTPResponse:
        """The answer, its own body not read yet."""
        road = self._known.get(path) or self._found(path)
        named = dict(CaseInsensitiveDict({**road.headers, **headers})) if headers else road.headers
        return road.pool.urlopen(
            "POST",
            road.target,
            body=body,
            headers={**named, "Content-Length": str(len(body))},
            timeout=self._timeout,
            retries=self.max_retries,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
        )

    def get(self, path: str, query: Mapping[str, str] | None, headers: Mapping[str, str] | None) -> BaseHTTPResponse:
        """The answer to a question: these are few, and go the way that requests goes."""
        response = self._session.get(
            self._base_url + path,
            params=query,
            headers=headers,
            timeout=self._timeout_s,
            allow_redirects=False,
            stream=True,
        )
        return cast("BaseHTTPResponse", response.raw)

    def _found(self, path: str) -> Road:
        session = self._session
        request = session.prepare_request(requests.Request("POST", self._base_url + path))
        verify = True if session.verify is None else session.verify
        try:
            pool = cast("HTTPConnectionPool", self.get_connection_with_tls_context(request, verify, session.proxies))
        except LocationValueError as error:  # of a proxy that is none; requests itself says it so in `send`
            raise requests.exceptions.InvalidURL(error) from error
        # Typed by requests itself, not by the stubs for it.
        self.cert_verify(pool, request.url, verify, None)  # type: ignore[no-untyped-call]
        self._known[path] = Road(pool, self.request_url(request, session.proxies), dict(request.headers))
        return self._known[path]


def _check(base_url: str) -> None:
    try:
        requests.Request("POST", base_url).prepare()
    except (requests.RequestException, ValueError) as error:
        problem = tidy_reason(f"is no address of an API: {error}")
        raise BadInput("the provider cannot be called:", places=[Place("provider.base_url", problem)]) from error


def _session(base_url: str, adapter: HTTPAdapter) -> requests.Session:
    """Proxies and certificates as the environment says, asked once: requests would ask again at each call.

    With `trust_env` a forgotten `.netrc` could also replace our credentials.
    """
    session = requests.Session()
    session.trust_env = False
    if urlsplit(base_url).hostname not in LOOPBACK:
        session.proxies.update(get_environ_proxies(base_url))
    session.verify = next(
        (os.environ[name] for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE") if name in os.environ), True
    )
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
