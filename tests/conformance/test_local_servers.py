"""Local servers that others wrote for testing mail take what we send: aws-ses-v2-local, resend-local (npm) and moto."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import boto3
import pytest

from newsletter.emails.markers import filled
from newsletter.models import Email
from newsletter.providers import open_provider
from newsletter.providers.base import Answer, Outcome, Provider
from tests import node
from tests.conformance.peers import READERS, hard_email
from tests.conformance.stand import ISSUE, an_email, compose_for, settings_for, values_of

SES_KEYS = {"api_key": "AKIALOCAL", "api_secret": "local-secret", "region": "eu-west-1"}
RESEND_KEY = "re_local"
PLAIN = an_email(subject="Grüße ☕", text='Zoë & "Pat" \\ 100 % 名前')


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], *, until: str, folder: Path, **environment: str) -> Iterator[None]:
    """A program in a process group of its own, from when it says that it serves until the end."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout
        said = []
        for line in process.stdout:
            said.append(line)
            if until in line:
                break
        else:
            pytest.fail("it did not start: " + "".join(said))
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def outcomes(answers: list[Answer]) -> list[Outcome]:
    return [answer.outcome for answer in answers]


def send_to_all(provider: Provider, email: Email) -> list[Answer]:
    return provider.send(compose_for(provider, email, READERS), issue=ISSUE, key="k")


# --- aws-ses-v2-local ------------------------------------------------------------------------------------------


@pytest.fixture
def ses_local(tmp_path: Path) -> Iterator[str]:
    """The address of an aws-ses-v2-local."""
    program, port = node.package("aws-ses-v2-local") / "dist" / "cli.js", str(free_port())
    command = [node.node(), str(program), "--host", "127.0.0.1", "--port", port]
    with running(command, until="server running", folder=tmp_path, AWS_SES_STRICT_TEMPLATE_RENDERING="true"):
        yield f"http://127.0.0.1:{port}"


def test_aws_ses_v2_local_merges_for_each_reader_what_was_frozen(ses_local: str, tmp_path: Path) -> None:
    provider = open_provider(settings_for(tmp_path, name="ses", base_url=ses_local, **SES_KEYS))
    # In a bulk call it knows bare addresses only; Amazon takes names too.
    letters = compose_for(provider, PLAIN, [("", address) for _, address in READERS])

    answers = provider.send(letters, issue=ISSUE)

    assert outcomes(answers) == [Outcome.ACCEPTED] * 3
    mails = {mail["messageId"]: mail for mail in stored_by_ses_local(ses_local)}
    for letter, answer in zip(letters, answers, strict=True):
        mail = mails[str(answer.provider_id)]
        copy = filled(PLAIN, values_of(letter.delivery_id, letter.email))
        assert (mail["subject"], mail["body"]["html"], mail["body"]["text"]) == (copy.subject, copy.html, copy.text)
        assert mail["destination"] == {"to": [letter.email], "cc": [], "bcc": []}
        headers = {header["name"]: header["value"] for header in mail["headers"]}
        assert headers["List-Unsubscribe"] == f"<https://news.example.org/u/{letter.delivery_id}>"


def test_aws_ses_v2_local_takes_finished_messages(ses_local: str, tmp_path: Path) -> None:
    provider = open_provider(settings_for(tmp_path, name="ses", base_url=ses_local, **SES_KEYS))

    answers = send_to_all(provider, hard_email())

    assert outcomes(answers) == [Outcome.ACCEPTED] * 3
    assert [mail["subject"] for mail in stored_by_ses_local(ses_local)] == [hard_email().subject] * 3


def stored_by_ses_local(address: str) -> list[dict[str, Any]]:
    with urlopen(f"{address}/store") as answer:
        return list(json.load(answer)["emails"])


# --- moto ------------------------------------------------------------------------------------------------------


@pytest.fixture
def moto_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a moto that knows our sender."""
    server_module = pytest.importorskip("moto.server", reason="moto is not installed: pip install '.[dev]'")
    server = server_module.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://127.0.0.1:{1}".format(*server.get_host_and_port())
    keys = {"aws_access_key_id": SES_KEYS["api_key"], "aws_secret_access_key": SES_KEYS["api_secret"]}
    client = boto3.client("sesv2", endpoint_url=address, region_name=SES_KEYS["region"], **keys)
    client.create_email_identity(EmailIdentity="news@example.org")
    yield address
    server.stop()


def test_moto_takes_finished_messages_to_each_reader_byte_for_byte(moto_server: str, tmp_path: Path) -> None:
    provider = open_provider(settings_for(tmp_path, name="ses", base_url=moto_server, **SES_KEYS))
    letters = compose_for(provider, hard_email(), READERS)

    answers = provider.send(letters, issue=ISSUE)

    assert outcomes(answers) == [Outcome.ACCEPTED] * 3
    from moto.ses.models import ses_backends

    (backend,) = [region["eu-west-1"] for region in ses_backends.values()]
    sent = backend.sent_messages
    assert [one.destinations[0] for one in sent] == [letter.email for letter in letters]
    assert [one.raw_data.encode() for one in sent] == [b"".join(letter.parts) for letter in letters]


def test_moto_does_not_know_another_sender_and_that_stops_the_run(moto_server: str, tmp_path: Path) -> None:
    provider = open_provider(settings_for(tmp_path, name="ses", base_url=moto_server, **SES_KEYS))
    headers = [("From", "stranger@example.com"), *hard_email().headers[1:]]

    answers = send_to_all(provider, hard_email().model_copy(update={"headers": tuple(headers)}))

    assert outcomes(answers) == [Outcome.DENIED] * 3


# --- resend-local ----------------------------------------------------------------------------------------------


@pytest.fixture
def resend_local(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a resend-local, and its database."""
    app = node.FOLDER / "node_modules" / "resend-local" / "dist" / "app"
    if not app.is_dir():
        # It brings 400 MB of a web framework along, so `make test` does without.
        pytest.skip("npm's resend-local is not installed: npm install --no-save --prefix tests/npm resend-local@0.0.7")
    database, port = tmp_path / "resend-local.sqlite", free_port()
    shutil.copy(app / "resend-local.sqlite", database)
    settings = {"PORT": str(port), "HOSTNAME": "127.0.0.1", "DATABASE_URL": f"file:{database}"}
    with running([node.node(), "server.js"], until="Ready in", folder=app, RESEND_API_KEY=RESEND_KEY, **settings):
        yield f"http://127.0.0.1:{port}", database


def test_resend_local_takes_a_batch_with_headers(resend_local: tuple[str, Path], tmp_path: Path) -> None:
    address, database = resend_local
    provider = open_provider(settings_for(tmp_path, name="resend", base_url=address, api_key=RESEND_KEY))

    answers = send_to_all(provider, hard_email())

    assert outcomes(answers) == [Outcome.ACCEPTED] * 3
    for number, (name, reader) in enumerate(READERS):
        values = values_of(f"d.{number}", reader, name)
        copy = filled(hard_email(), values)
        with sqlite3.connect(database) as opened:
            subject, html, text, headers, to = opened.execute(
                'select subject, html_body, text_body, headers, "to" from email join email_to on email_id = id'
                " where id = ?",
                [answers[number].provider_id],
            ).fetchone()
        assert (subject, html, text) == (copy.subject, copy.html, copy.text)
        assert json.loads(headers)["List-Unsubscribe"] == f"<{values.unsubscribe_url}>"
        assert to == values.to


def test_resend_local_refuses_what_is_no_key(resend_local: tuple[str, Path], tmp_path: Path) -> None:
    provider = open_provider(settings_for(tmp_path, name="resend", base_url=resend_local[0], api_key="other"))

    assert outcomes(send_to_all(provider, hard_email())) == [Outcome.DENIED] * 3
