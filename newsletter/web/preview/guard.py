"""Who may talk to the desk: the Host and the Origin of every request, the key of guests, the token of every write.

The desk listens on loopback, and any web page that an editor has open can send requests there. So a request must name
a host that is ours (DNS rebinding names another), a page of another origin is refused, and a write needs a token that
only our own page holds, in a header that no form of another site can set (reference: OWASP CSRF cheat sheet).
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import secrets
import socket
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Scope

from newsletter.errors import NewsletterError, NotFound
from newsletter.web.edge import Edge, described

TOKEN_HEADER = "x-newsletter-token"  # noqa: S105 - a header's name
COOKIE = "newsletter-desk"
KEY_PARAMETER = "key"
TOKEN_BYTES = 24
READING = frozenset({"GET", "HEAD"})
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

# A cookie that is sent to our own pages only does not come with the redirect that follows a link in somebody's chat;
# with a page of ours in between it does.
_WELCOME = """<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/">
<title>The editor's desk</title><p><a href="/">To the issues</a></p></html>"""


def is_loopback(host: str) -> bool:
    if host in LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Admission(NamedTuple):
    """Who is let in."""

    hosts: frozenset[str]
    """Names under which the desk is reached; addresses of this machine are taken as well where `key` is set."""
    key: str | None
    """What a guest from the network must bring; None: loopback only, and nobody needs one."""
    token: str
    """What every write must bring; drawn anew each time the desk opens."""

    @classmethod
    def at(cls, host: str) -> Admission:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        if is_loopback(host):
            return cls(LOOPBACK | {host}, None, token)
        names = {host, socket.gethostname().lower(), socket.getfqdn().lower()}
        return cls(LOOPBACK | names, secrets.token_urlsafe(TOKEN_BYTES), token)

    def is_ours(self, host: str) -> bool:
        """Nobody can rebind an address, only a name; so beyond loopback any address will do."""
        if host in self.hosts:
            return True
        return self.key is not None and _is_address(host)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class Guard(Edge):
    headers = HEADERS

    def __init__(self, app: ASGIApp, *, admission: Admission) -> None:
        super().__init__(app)
        self._admission = admission

    def after(self, error: Exception) -> Response:
        return failure(error)

    def refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._admission.is_ours(_name_in(host)):
            return _refused(f"there is no desk under this name; open it at {next(iter(sorted(LOOPBACK)))}")
        if not _is_from_us(headers, host, scope["method"]):
            return _refused("another web page may not use the desk")
        if self._admission.key is not None:
            let_in = self._let_in(scope, headers)
            if let_in is not None:
                return let_in
        token = headers.get(TOKEN_HEADER, "")
        if scope["method"] not in READING and not hmac.compare_digest(token.encode(), self._admission.token.encode()):
            return _refused("the page is older than the desk; load it again")
        return None

    def _let_in(self, scope: Scope, headers: Headers) -> Response | None:
        """None for a guest who has the cookie; the page that gives it for one with the key in the address."""
        key = str(self._admission.key)
        brought = parse_qs(scope["query_string"].decode("latin-1")).get(KEY_PARAMETER, [""])[0]
        if scope["method"] == "GET" and hmac.compare_digest(brought.encode(), key.encode()):
            welcome = HTMLResponse(_WELCOME)
            welcome.set_cookie(COOKIE, key, httponly=True, samesite="strict")
            return welcome
        if not hmac.compare_digest(_cookie(headers).encode(), key.encode()):
            return PlainTextResponse("open the whole address that `newsletter preview` printed, with its key", 401)
        return None


def _name_in(host: str) -> str:
    """The name or address in a Host header, without the port and the brackets of IPv6."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_from_us(headers: Headers, host: str, method: str) -> bool:
    origin = headers.get("origin")
    if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
        return False
    # A link to the desk may be followed from anywhere; a picture, a frame, a script or a form may not.
    is_opened = method in READING and headers.get("sec-fetch-mode") == "navigate"
    is_opened = is_opened and headers.get("sec-fetch-dest", "document") == "document"
    return is_opened or headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _refused(reason: str) -> Response:
    return PlainTextResponse(reason, 403)


def failure(error: Exception) -> Response:
    """What a page shows of an error: ours in its own words, of a foreign one no more than its kind and place."""
    if isinstance(error, NewsletterError):
        content = {"problem": error.problem, "fix": error.fix or ""}
        status = 404 if isinstance(error, NotFound) else 409
    else:
        content = {"problem": f"this is a fault of the program: {described(error)}", "fix": "load the page again"}
        status = 500
    return Response(json.dumps(content), status, media_type="application/json")
