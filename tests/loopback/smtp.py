"""A real SMTP server (aiosmtpd) with STARTTLS, implicit TLS and AUTH that misbehaves when told to.

`taken` holds what it truly accepted, whatever it answered. `at` says what it does at the next such moment::

    with SmtpServer(security="starttls", login=("someone", "secret")) as server:
        server.at["RCPT"].append("450 4.2.1 later, please")
        server.at["DOT"].append(Move.TAKE_AND_CUT)

Moments: CONNECT, MAIL, RCPT, DATA (the command), DOT (the whole letter is there). A string is the reply, None is
ordinary behaviour.
"""

# ruff: noqa: N802 - aiosmtpd calls its hooks so

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import warnings
from collections import defaultdict, deque
from collections.abc import Coroutine
from enum import Enum, auto
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

CERTIFICATE = Path(__file__).with_name("localhost.pem")
"""Self-signed for localhost and 127.0.0.1, with its key: public on purpose, worth nothing, good until 2120."""


class Move(Enum):
    CUT = auto()
    """The connection is reset without a reply."""
    TAKE_AND_CUT = auto()
    TAKE_AND_STALL = auto()
    """The letter is taken and no reply comes."""
    STALL = auto()
    GO_ON_AND_CUT = auto()
    """At DATA: 354, then the connection is reset in mid-letter."""


class Taken(NamedTuple):
    sender: str
    recipients: tuple[str, ...]
    content: bytes
    options: tuple[str, ...]


class SmtpServer:
    def __init__(
        self,
        *,
        security: Literal["starttls", "tls", "none"] = "none",
        login: tuple[str, str] | None = None,
        offers: tuple[str, ...] = (),
        smtputf8: bool = False,
        size_limit: int | None = None,
    ) -> None:
        """`offers`: further lines of the EHLO answer, such as PIPELINING, which aiosmtpd can do but does not say."""
        self.at: dict[str, deque[str | Move | None]] = defaultdict(deque)
        self.refused: dict[str, str] = {}
        """The reply to RCPT by recipient."""
        self.forgets_refusals = False
        """Says no to MAIL and goes on as if it had said yes."""
        self.taken: list[Taken] = []
        self.connections = 0
        self.released = threading.Event()
        self.login = login
        self.offers = offers
        self._security = security
        self._options = {"enable_SMTPUTF8": smtputf8, "data_size_limit": size_limit, "hostname": "loopback.test"}
        self._controller = _Controller(self)

    @property
    def port(self) -> int:
        return int(self._controller.port)

    def __enter__(self) -> Self:
        self._controller.start()
        self.connections = 0  # the controller has tried itself
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._controller.stop()

    def drop_idle(self) -> None:
        """Reset every open connection, as a server does that has waited long enough."""
        dropped = threading.Event()

        def drop() -> None:
            for protocol in self._controller.protocols:
                reset(protocol)
            dropped.set()

        self._controller.loop.call_soon_threadsafe(drop)
        dropped.wait(2)

    def protocol_options(self) -> dict[str, Any]:
        options: dict[str, Any] = dict(self._options)
        if self._security == "starttls":
            options |= {"tls_context": server_context(), "require_starttls": True}
        if self.login:
            options |= {"authenticator": self._authenticate, "auth_required": True, "auth_require_tls": False}
        return options

    def ssl_context(self) -> ssl.SSLContext | None:
        return server_context() if self._security == "tls" else None

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        given = (data.login.decode(), data.password.decode()) if isinstance(data, LoginPassword) else None
        return AuthResult(success=given == self.login, handled=False)

    def take(self, envelope: Envelope) -> None:
        content = bytes(envelope.original_content or b"")
        self.taken.append(
            Taken(envelope.mail_from or "", tuple(envelope.rcpt_tos), content, tuple(envelope.mail_options))
        )


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


class _Protocol(SMTP):
    """aiosmtpd's server, with a say at the moments that its hooks leave out."""

    def __init__(self, stand_in: SmtpServer, **options: Any) -> None:
        super().__init__(_Hooks(stand_in), **options)
        self.stand_in = stand_in

    async def push(self, status: Any) -> None:
        if isinstance(status, str) and status.startswith("220 ") and self.stand_in.at["CONNECT"]:
            status = self.stand_in.at["CONNECT"].popleft()
        await super().push(status)

    async def smtp_DATA(self, arg: str) -> None:
        move = self.stand_in.at["DATA"].popleft() if self.stand_in.at["DATA"] else None
        if move is None:
            await super().smtp_DATA(arg)
        elif isinstance(move, str):
            await self.push(move)
        else:
            if move is Move.GO_ON_AND_CUT:
                await self.push("354 go on")
            await cut(self)


class _Hooks:
    def __init__(self, stand_in: SmtpServer) -> None:
        self.stand_in = stand_in

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], *(f"250-{offer}" for offer in self.stand_in.offers), responses[-1]]

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = await self._do("MAIL", server, envelope)
        if reply is None or self.stand_in.forgets_refusals:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return reply or "250 2.1.0 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = await self._do("RCPT", server, envelope) or self.stand_in.refused.get(address)
        if reply is None:
            envelope.rcpt_tos.append(address)
        return reply or "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        reply = await self._do("DOT", server, envelope)
        if reply is None:
            self.stand_in.take(envelope)
        return reply or f"250 2.0.0 Ok: queued as {len(self.stand_in.taken):08X}"

    async def _do(self, moment: str, server: SMTP, envelope: Envelope) -> str | None:
        move = self.stand_in.at[moment].popleft() if self.stand_in.at[moment] else None
        if isinstance(move, str):
            if moment == "DOT" and move.startswith("2"):
                self.stand_in.take(envelope)
            return move
        if move in (Move.TAKE_AND_CUT, Move.TAKE_AND_STALL):
            self.stand_in.take(envelope)
        if move in (Move.STALL, Move.TAKE_AND_STALL):
            while not self.stand_in.released.is_set():
                await asyncio.sleep(0.01)
        if move is not None:
            await cut(server)
        return None


def reset(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.WriteTransport):
        server.transport.abort()


async def cut(server: SMTP) -> None:
    reset(server)
    await asyncio.sleep(60)  # the loss of the connection cancels this task at once


class _Controller(Controller):
    """Listens on a socket that is bound beforehand, so that any free port will do."""

    def __init__(self, stand_in: SmtpServer) -> None:
        self._stand_in = stand_in
        self.protocols: list[SMTP] = []
        # Named as TCP, or asyncio would leave Nagle's delay on, and each short reply would wait 40 ms.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        port = self._socket.getsockname()[1]
        super().__init__(object(), hostname="127.0.0.1", port=port, ssl_context=stand_in.ssl_context())

    def factory(self) -> SMTP:
        with warnings.catch_warnings(action="ignore"):  # a login without TLS is what some tests want
            protocol = _Protocol(self._stand_in, loop=self.loop, **self._stand_in.protocol_options())
        self.protocols.append(protocol)
        self._stand_in.connections += 1
        return protocol

    def _create_server(self) -> Coroutine[Any, Any, asyncio.AbstractServer]:
        return self.loop.create_server(self._factory_invoker, sock=self._socket, ssl=self.ssl_context)
