"""What every provider must keep, whatever its transport does. A new provider is done when it has a stand here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.emails.markers import filled
from newsletter.providers import PROVIDERS
from newsletter.providers.base import Answer, Letter, Outcome
from tests.conformance.api_stand import ApiStand
from tests.conformance.stand import HASTY_S, ISSUE, PASSWORD, PATIENT_S, Fault, Stand, addresses, an_email, values_of
from tests.conformance.stands import STANDS
from tests.conformance.stands.outbox import OutboxStand
from tests.conformance.stands.smtp import SmtpStand
from tests.loopback.smtp import CERTIFICATE

FAULTS = [pytest.param(stand, fault, id=f"{stand.__name__}-{fault.name}") for stand in STANDS for fault in stand.faults]
QUICK_FAULTS = [case for case in FAULTS if not case.values[1].is_slow]  # type: ignore[union-attr]
REFUSING = [stand for stand in STANDS if stand.refuses_recipients]


@pytest.fixture(autouse=True)
def trusted_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in's own certificate counts as a known authority, by OpenSSL's variable."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


@pytest.fixture(params=STANDS, ids=lambda stand: stand.__name__)
def stand(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    """Each provider in turn, with an outside world that behaves."""
    with request.param(tmp_path) as opened:
        yield opened


def outcomes(answers: list[Answer]) -> list[Outcome]:
    return [answer.outcome for answer in answers]


def content(letter: Letter) -> bytes:
    return b"".join(letter.parts)


def test_every_provider_has_a_stand() -> None:
    names = {stand.__name__.removesuffix("Stand").lower() for stand in STANDS}

    assert set(PROVIDERS) <= names


def test_a_full_batch_is_answered_letter_by_letter_in_order(stand: Stand) -> None:
    letters = stand.letters(stand.batch_size())

    answers = stand.provider.send(letters, issue=ISSUE)

    assert outcomes(answers) == [Outcome.ACCEPTED] * len(letters)
    assert [one.delivery_id for one in stand.arrived()] == [letter.delivery_id for letter in letters]
    assert len({answer.provider_id for answer in answers}) == len(letters)


def test_no_letters_no_answers(stand: Stand) -> None:
    assert stand.provider.send([], issue=ISSUE) == []


def test_a_second_call_goes_as_well_as_the_first(stand: Stand) -> None:
    letters = stand.letters(6)

    answers = [answer for letter in letters for answer in stand.provider.send([letter], issue=ISSUE)]

    assert outcomes(answers) == [Outcome.ACCEPTED] * 6
    assert len(stand.arrived()) == 6


@pytest.mark.parametrize("kind", [one for one in STANDS if issubclass(one, ApiStand)], ids=lambda one: one.__name__)
def test_a_form_says_whether_each_letter_is_a_call(kind: type[ApiStand], tmp_path: Path) -> None:
    with kind(tmp_path) as stand:
        letters = stand.letters(4)

        stand.provider.send(letters, issue=ISSUE)

        assert len(stand.server.bodies) == (len(letters) if stand.form().one_by_one else 1)


def test_what_arrives_is_what_was_frozen_with_the_readers_values(stand: Stand) -> None:
    text = "Ein längerer Satz. " * 40
    letters = stand.letters(3, text=text)

    stand.provider.send(letters, issue=ISSUE)

    email = an_email(text=text)
    for letter, arrived in zip(letters, stand.arrived(), strict=True):
        copy = filled(email, values_of(letter.delivery_id, letter.email))
        assert (arrived.subject, arrived.html, arrived.text) == (copy.subject, copy.html, copy.text)


def test_a_whole_message_arrives_byte_for_byte(stand: Stand) -> None:
    letters = stand.letters(3, text="Ein längerer Satz. " * 40)

    stand.provider.send(letters, issue=ISSUE)

    given = {letter.delivery_id: content(letter) for letter in letters}
    assert all(one.mime in (None, given[one.delivery_id]) for one in stand.arrived())


def test_each_copy_has_its_own_way_out_and_names_its_delivery(stand: Stand) -> None:
    letters = stand.letters(3)

    stand.provider.send(letters, issue=ISSUE)

    for letter, arrived in zip(letters, stand.arrived(), strict=True):
        assert f"<https://news.example.org/u/{letter.delivery_id}>" in arrived.headers["List-Unsubscribe"]
        assert arrived.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert arrived.delivery_id == letter.delivery_id


def test_foreign_merge_syntax_arrives_as_written(stand: Stand) -> None:
    odd = "{{x}} {{{y}}} %recipient.x% *|X|* -name- {$z} {{var:k}} ${a} <%= b %> [[c]] %%d%%"
    subject = odd if stand.takes_every_subject else "Three new guides"
    letters = stand.letters(2, subject=subject, text=odd)

    answers = [answer for letter in letters for answer in stand.provider.send([letter], issue=ISSUE)]

    assert outcomes(answers) == [Outcome.ACCEPTED] * 2
    for arrived in stand.arrived():
        assert arrived.subject == subject
        assert odd in arrived.html
        assert odd in arrived.text


def test_names_and_addresses_of_every_kind_arrive_whole(stand: Stand) -> None:
    readers = [
        ('O\'Neil, "Pat" <x>', "pat@example.net"),
        ("Zoë 名前", "zoe@bücher.example"),
        ("", "plain+tag@example.net"),
    ]
    letters = stand.letters_for(readers)

    answers = [answer for letter in letters for answer in stand.provider.send([letter], issue=ISSUE)]

    assert outcomes(answers) == [Outcome.ACCEPTED] * 3
    if not isinstance(stand, OutboxStand | SmtpStand):
        arrived = [one.addresses for one in stand.arrived()]
        assert [len(addresses) for addresses in arrived] == [1, 1, 1]


def test_nobody_sees_the_address_of_another(stand: Stand) -> None:
    letters = stand.letters(4)

    stand.provider.send(letters, issue=ISSUE)

    for number, arrived in enumerate(stand.arrived()):
        others = set(addresses(4)) - {addresses(4)[number]}
        assert arrived.addresses == (addresses(4)[number],)
        seen = "\n".join([arrived.subject, arrived.html, arrived.text, *arrived.headers.values()])
        assert not any(other in seen for other in others)


@pytest.mark.parametrize("kind", REFUSING, ids=lambda kind: kind.__name__)
def test_one_refused_recipient_of_a_full_batch_keeps_nobody_else_from_the_mail(
    kind: type[Stand], tmp_path: Path
) -> None:
    with kind(tmp_path) as stand:
        size = stand.batch_size()
        letters, refused = stand.letters(size), size // 2
        stand.refuse(letters[refused].email)

        answers = stand.provider.send(letters, issue=ISSUE)

        others = [outcome for number, outcome in enumerate(outcomes(answers)) if number != refused]
        assert answers[refused].outcome is Outcome.REFUSED
        assert answers[refused].reason
        assert others == [Outcome.ACCEPTED] * (size - 1)
        assert len(stand.arrived()) == size - 1


@pytest.mark.parametrize(("kind", "fault"), FAULTS)
def test_no_answer_hides_a_letter_that_was_taken_or_claims_one_that_was_not(
    kind: type[Stand], fault: Fault, tmp_path: Path
) -> None:
    with kind(tmp_path, timeout_s=HASTY_S if fault.is_slow else PATIENT_S) as stand:
        letters = stand.letters(5)
        stand.spoil(fault.name)

        answers = stand.provider.send(letters, issue=ISSUE)

        taken = Counter(one.delivery_id for one in stand.arrived())
        for letter, answer in zip(letters, answers, strict=True):
            possible = (
                {Outcome.ACCEPTED, Outcome.UNSURE} if taken[letter.delivery_id] else set(Outcome) - {Outcome.ACCEPTED}
            )
            assert answer.outcome in possible, letter.delivery_id
        assert max(taken.values(), default=1) == 1
        assert answers[0].outcome in fault.first
        assert {answer.outcome for answer in answers[1:]} <= fault.rest


@pytest.mark.parametrize(("kind", "fault"), QUICK_FAULTS)
def test_a_reason_is_given_in_one_line_without_key_and_address(kind: type[Stand], fault: Fault, tmp_path: Path) -> None:
    with kind(tmp_path) as stand:
        letters = stand.letters(5)
        stand.spoil(fault.name)

        answers = stand.provider.send(letters, issue=ISSUE)

        reasons = [answer.reason for answer in answers if answer.outcome is not Outcome.ACCEPTED]
        for reason in reasons:
            assert reason
            assert reason.isprintable()
            assert not any(private in reason for private in (*stand.secrets(), PASSWORD, *addresses(5)))


@pytest.mark.parametrize(("kind", "fault"), QUICK_FAULTS)
def test_a_look_up_after_a_fault_says_nothing_that_is_not_true(kind: type[Stand], fault: Fault, tmp_path: Path) -> None:
    with kind(tmp_path) as stand:
        letters = stand.letters(5)
        stand.spoil(fault.name)
        stand.provider.send(letters, issue=ISSUE)

        found = stand.provider.look_up([letter.delivery_id for letter in letters], issue=ISSUE)

        taken = {one.delivery_id for one in stand.arrived()}
        assert {delivery for delivery, answer in found.items() if answer.outcome is Outcome.ACCEPTED} <= taken
        assert not {delivery for delivery, answer in found.items() if answer.outcome is Outcome.BUSY} & taken
        assert {answer.outcome for answer in found.values()} <= {Outcome.ACCEPTED, Outcome.BUSY}


LASTING = ("no-server", "denied-login", "denied-sender", "refused-recipient", "refused-call")
PASSING = [
    pytest.param(stand, fault, id=f"{stand.__name__}-{fault.name}")
    for stand in STANDS
    for fault in stand.faults
    if issubclass(stand, SmtpStand | ApiStand) and fault.name not in LASTING and not fault.is_slow
]


@pytest.mark.parametrize(("kind", "fault"), PASSING)
def test_once_the_fault_has_passed_those_who_were_not_mailed_can_be(
    kind: type[Stand], fault: Fault, tmp_path: Path
) -> None:
    with kind(tmp_path) as stand:
        letters = stand.letters(5)
        stand.spoil(fault.name)
        first = stand.provider.send(letters, issue=ISSUE)
        again = [
            letter
            for letter, answer in zip(letters, first, strict=True)
            if answer.outcome in (Outcome.BUSY, Outcome.DENIED)
        ]

        answers = stand.provider.send(again, issue=ISSUE)

        assert outcomes(answers) == [Outcome.ACCEPTED] * len(again)
        assert max(Counter(one.delivery_id for one in stand.arrived()).values(), default=1) == 1
