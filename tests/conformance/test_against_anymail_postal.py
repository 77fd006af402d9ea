"""For Postal, django-anymail means the same mail as we do, although it has Postal write it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.peer_calls import copies_from_anymail, copies_from_us
from tests.conformance.peers import Meaning
from tests.conformance.stands.postal import PostalStand
from tests.loopback.postal import KEY

OURS = frozenset({"message-id", "x-amp", "x-postal-tag"})
"""Postal would write a Message-ID of its own; the others anymail does not know."""


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[PostalStand]:
    """Postal with a stand-in that behaves."""
    with PostalStand(tmp_path) as opened:
        yield opened


def test_anymail_sends_every_reader_the_same(stand: PostalStand) -> None:
    ours = copies_from_us(stand, stand.server)

    stand.server.api.tracks = False  # anymail has no way to say it for a mail
    theirs = copies_from_anymail(stand.server, "postal", can=(), api_key=KEY, api_url=stand.server.url)

    assert [comparable(one) for one in ours] == [comparable(one) for one in theirs]


def comparable(one: Meaning) -> Meaning:
    return one._replace(headers={name: value for name, value in one.headers.items() if name not in OURS})
