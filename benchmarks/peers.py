"""How other libraries send the same mail. Each is handed finished texts and is used as its own documents show."""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from typing import Any, NamedTuple

import django
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection

SENDER = "Example Network <news@example.org>"


class Texts(NamedTuple):
    subject: str
    html: str
    text: str
    unsubscribe_url: str


def configure() -> None:
    if not settings.configured:
        settings.configure(ANYMAIL={}, DEFAULT_FROM_EMAIL=SENDER, USE_TZ=True)
        django.setup()


def anymail(esp: str, port: int) -> Any:
    """Anymail's back end for a provider, its session open, its API at the sink."""
    path = f"anymail.backends.{esp}.EmailBackend"
    url = f"http://127.0.0.1:{port}/"
    options: dict[str, dict[str, str]] = {
        "postmark": {"server_token": "k", "api_url": url},
        "mailgun": {"api_key": "k", "api_url": f"{url}v3/", "sender_domain": "example.org"},
        "sendgrid": {"api_key": "k", "api_url": f"{url}v3/"},
    }
    backend = get_connection(path, **options[esp])
    backend.open()
    return backend


def django_smtp(port: int) -> Any:
    backend = get_connection("django.core.mail.backends.smtp.EmailBackend", host="127.0.0.1", port=port, timeout=60)
    backend.open()
    return backend


def message(texts: Texts, to: Sequence[str]) -> EmailMultiAlternatives:
    headers = {
        "List-Unsubscribe": f"<{texts.unsubscribe_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    made = EmailMultiAlternatives(texts.subject, texts.text, SENDER, list(to), headers=headers)
    made.attach_alternative(texts.html, "text/html")
    return made


def address(number: int) -> str:
    return f"Reader {number} <reader{number}@example.net>"


def one_by_one(backend: Any, texts: Texts, count: int) -> Callable[[], None]:
    """`message.send()` for each, over one connection."""

    def send() -> None:
        for number in range(count):
            made = message(texts, [address(number)])
            made.connection = backend
            made.send()

    return send


def all_at_once(backend: Any, texts: Texts, count: int) -> Callable[[], None]:
    """Django's `send_messages`."""
    return lambda: backend.send_messages([message(texts, [address(number)]) for number in range(count)])


def batched(backend: Any, texts: Texts, *, calls: int, to_a_call: int, merges: bool = True) -> Callable[[], None]:
    """Anymail's batch: one message to many, with what differs for each as merge data.

    Where the provider `merges` nothing into a text (Postmark, without a template kept there), all get the same text.
    """

    def send() -> None:
        for _ in range(calls):
            made: Any = message(texts, [address(number) for number in range(to_a_call)])
            addresses = [f"reader{number}@example.net" for number in range(to_a_call)]
            if merges:
                made.merge_data = {
                    one: {"name": f"Reader {number}", "unsubscribe_url": texts.unsubscribe_url}
                    for number, one in enumerate(addresses)
                }
            made.merge_metadata = {one: {"delivery_id": f"weekly.{one}"} for one in addresses}
            backend.send_messages([made])

    return send


def email_message(texts: Texts, number: int) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = SENDER, address(number), texts.subject
    made["List-Unsubscribe"] = f"<{texts.unsubscribe_url}>"
    made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    made.set_content(texts.text)
    made.add_alternative(texts.html, subtype="html")
    return made


def by_smtplib(port: int, texts: Texts, count: int) -> Callable[[], None]:
    """The standard library's own way, over one connection."""

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", port) as smtp:
            for number in range(count):
                smtp.send_message(email_message(texts, number))

    return send
