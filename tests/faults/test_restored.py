"""A database restored from a copy, at every moment of a sending: nobody is mailed twice, and it says what to do.

The fake provider's ledger lies outside of what is restored and is the truth: one line for each mail taken.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter

import pytest

from newsletter.delivery.journal import Journal
from newsletter.models import Counts
from newsletter.pipeline import begun, decide
from newsletter.store.deliveries import DeliveriesStore
from newsletter.store.issues import IssuesStore
from tests.sites import ISSUE, Said, SiteFolder, site

__all__ = ["site"]

READERS, BATCH = 40, 10
LEDGER = "taken.txt"


@pytest.fixture
def ready(site: SiteFolder) -> SiteFolder:
    """A site with an approved issue and 40 readers, which sends in batches of 10."""
    site.environ |= {"NEWSLETTER_PROVIDER__NAME": "fake", "NEWSLETTER_PROVIDER__BATCH_SIZE": str(BATCH)}
    site.post("a")
    site.readers(READERS)
    site.approved()
    return site


def send(site: SiteFolder, *, calls: int | None = None) -> Said:
    """A run that the provider ends after so many calls."""
    faults = f", call-denied=@{calls + 1}+" if calls is not None else ""
    site.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = f"ledger={LEDGER}{faults}"
    return site.run("send", ISSUE, "--json")


def taken(site: SiteFolder) -> Counter[str]:
    file = site.folder / LEDGER
    return Counter(file.read_text("ascii").split()) if file.exists() else Counter()


def back_up(site: SiteFolder) -> None:
    """The whole data folder, as most backups have it."""
    shutil.copytree(site.folder / "data", site.folder / "backup")


def restore(site: SiteFolder) -> None:
    shutil.rmtree(site.folder / "data")
    shutil.copytree(site.folder / "backup", site.folder / "data")


@pytest.mark.parametrize("later", [1, None], ids=["in-mid-send", "after-the-end"])
@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_data_folder_of_earlier_in_the_sending_does_not_send(
    ready: SiteFolder, before: int, later: int | None
) -> None:
    send(ready, calls=before)
    back_up(ready)
    send(ready, calls=later)
    mailed = taken(ready)
    restore(ready)

    said = send(ready)

    assert said.exit_code == 1
    assert "older copy" in said.err
    assert f"newsletter resolve {ISSUE}" in said.err
    assert taken(ready) == mailed


def test_a_data_folder_of_before_the_approval_does_not_send(ready: SiteFolder) -> None:
    ready.facts("approve", ISSUE, "--withdraw")
    back_up(ready)
    ready.facts("approve", ISSUE, "--yes")
    send(ready, calls=1)
    restore(ready)

    ready.run("approve", ISSUE, "--yes")
    said = send(ready)

    assert said.exit_code == 1
    assert taken(ready).total() == BATCH


def test_a_data_folder_of_before_the_draft_does_not_send(site: SiteFolder) -> None:
    site.environ |= {"NEWSLETTER_PROVIDER__NAME": "fake", "NEWSLETTER_PROVIDER__BATCH_SIZE": str(BATCH)}
    site.readers(READERS)
    back_up(site)
    site.post("a")
    site.approved()
    send(site, calls=1)
    (site.folder / "issues" / ISSUE / ".attempts").unlink()  # as if that, too, had been lost
    restore(site)

    said = send(site)

    assert said.exit_code == 1
    assert "older copy" in said.err
    assert taken(site).total() == BATCH


def test_the_right_database_put_back_goes_on(ready: SiteFolder) -> None:
    back_up(ready)
    send(ready, calls=1)
    shutil.move(ready.folder / "data", ready.folder / "right")
    shutil.copytree(ready.folder / "backup", ready.folder / "data")
    send(ready)
    shutil.rmtree(ready.folder / "data")
    shutil.move(ready.folder / "right", ready.folder / "data")

    said = send(ready)

    assert said.exit_code == 0
    assert set(taken(ready).values()) == {1}
    assert taken(ready).total() == READERS


def test_issues_on_another_machine_with_its_own_database_are_not_sent(ready: SiteFolder) -> None:
    send(ready, calls=1)
    shutil.rmtree(ready.folder / "data")
    ready.readers(READERS)

    said = send(ready)

    assert said.exit_code == 1
    assert "another database" in said.err
    assert taken(ready).total() == BATCH


def test_resolved_as_sent_nobody_of_an_older_copy_stays_pending(ready: SiteFolder) -> None:
    send(ready, calls=1)
    back_up(ready)
    send(ready)
    restore(ready)

    resolved = ready.facts("resolve", ISSUE, "--as", "sent", "--yes")
    again = send(ready)

    assert (resolved["state"], resolved["sent"], resolved["pending"]) == ("sent", READERS, 0)
    assert again.exit_code == 0
    assert max(taken(ready).values()) == 1
    receipt = json.loads(ready.read(f"issues/{ISSUE}/receipt.json"))
    assert Counts.model_validate(receipt["counts"]).sent == READERS


def test_what_ended_elsewhere_cannot_be_resolved_as_unsent(ready: SiteFolder) -> None:
    send(ready, calls=1)
    back_up(ready)
    send(ready)
    restore(ready)

    said = ready.run("resolve", ISSUE, "--as", "unsent", "--yes")
    send(ready)

    assert said.exit_code == 1
    assert "mail them twice" in said.err
    assert max(taken(ready).values()) == 1


def test_resolved_as_unsent_an_older_copy_mails_whom_it_holds_for_unmailed(ready: SiteFolder) -> None:
    send(ready, calls=1)
    back_up(ready)
    send(ready, calls=1)
    restore(ready)

    resolved = ready.facts("resolve", ISSUE, "--as", "unsent", "--yes")
    said = send(ready)

    assert (resolved["state"], resolved["pending"]) == ("sending", READERS - BATCH)
    assert (said.exit_code, said.json["sent"]) == (0, READERS)
    assert len(taken(ready)) == READERS


@pytest.mark.parametrize("step", ["count_pending_as_sent", "move", "rewrite_receipt", "set"])
def test_a_decision_that_was_killed_half_way_opens_no_way_to_send(
    ready: SiteFolder, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    send(ready, calls=1)
    back_up(ready)
    send(ready, calls=2)
    restore(ready)
    mailed = taken(ready)

    def killed(*_args: object, **_values: object) -> None:
        raise KeyboardInterrupt

    owner = {
        "count_pending_as_sent": DeliveriesStore,
        "move": IssuesStore,
        "rewrite_receipt": begun,
        "set": Journal,
    }[step]
    with monkeypatch.context() as patched:
        patched.setattr(owner, step, killed)
        ready.run("resolve", ISSUE, "--as", "sent", "--yes")
    send(ready)
    resolved = ready.facts("resolve", ISSUE, "--as", "sent", "--yes")

    assert taken(ready) == mailed
    assert (resolved["state"], resolved["pending"]) == ("sent", 0)


def test_resolving_as_unsent_killed_half_way_forgets_nobody(ready: SiteFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    ready.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = f"ledger={LEDGER}, call-unsure-unsent=@2"
    assert ready.run("send", ISSUE).exit_code == 3

    def killed(*_args: object, **_values: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(decide, "rewrite_receipt", killed)
        ready.run("resolve", ISSUE, "--as", "unsent", "--yes")
    ready.facts("resolve", ISSUE, "--as", "unsent", "--yes")
    said = send(ready)

    assert (said.exit_code, said.json["state"], said.json["sent"]) == (0, "sent", READERS)
    assert set(taken(ready).values()) == {1}
