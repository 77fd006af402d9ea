"""What holds of every command: help with an example, JSON as agreed, exit statuses, errors that say what to do."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import re
import shlex
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.core import TyperGroup
from typer.testing import CliRunner

import newsletter.cli
from newsletter.cli.edge import app
from newsletter.cli.overview import COMMANDS, overview
from tests.sites import DUE, ISSUE, SiteFolder, site

__all__ = ["site"]

CONTRACT = [
    "demo", "new", "import posts", "posts", "build", "check", "preview", "approve", "test", "send", "status", "pause",
    "resume", "cancel",
    "resolve", "deliveries", "subscribers add", "subscribers import", "subscribers export", "subscribers list",
    "subscribers show", "subscribers unsubscribe", "subscribers erase", "schedule", "run", "tick", "serve", "migrate",
    "theme parts", "theme eject",
    "rehearse", "doctor",
]  # fmt: skip
WITHOUT_SITE = {"demo", "new"}
NO_FACTS = {"demo", "new", "preview", "run", "serve", "migrate", "subscribers export", "subscribers erase"}
WITH_JSON = set(CONTRACT) - NO_FACTS


def every_command() -> dict[str, Any]:
    found: dict[str, Any] = {}

    def walk(command: Any, name: str) -> None:
        inner = getattr(command, "commands", None)
        if inner is None:
            found[name] = command
        for word, below in (inner or {}).items():
            walk(below, f"{name} {word}".strip())

    walk(typer.main.get_command(app), "")
    return found


def help_of(command: str) -> str:
    result = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "80"})
    assert result.exit_code == 0
    return result.stdout


# --- help -----------------------------------------------------------------------------------------------------


def test_the_commands_are_those_that_were_agreed() -> None:
    assert sorted(every_command()) == sorted(CONTRACT)


@pytest.mark.parametrize("command", ["", "import", "subscribers", *CONTRACT])
def test_every_command_has_help_with_an_example_that_it_understands(command: str) -> None:
    text = re.sub(r"\s+", " ", help_of(command))

    found = re.search(rf"(?:Example|Begin with): (newsletter {command}.*?) (?:Arguments|Options):", text)

    assert found, text
    words = shlex.split(found[1])[1:]
    name = next(name for name in every_command() if words[: len(name.split())] == name.split())
    every_command()[name].make_context(name, words[len(name.split()) :])


@pytest.mark.parametrize("command", ["", "import", "subscribers"])
def test_every_line_of_a_list_of_commands_is_whole(command: str) -> None:
    assert "..." not in help_of(command).partition("Commands:")[2]


@pytest.mark.parametrize("command", CONTRACT)
def test_a_site_can_be_named_and_facts_come_as_json(command: str) -> None:
    options = {name for parameter in every_command()[command].params for name in parameter.opts}

    assert ("--site" in options) == (command not in WITHOUT_SITE)
    assert ("--json" in options) == (command in WITH_JSON)


@pytest.mark.parametrize("width", [50, 61, 78, 200])
def test_the_overview_is_as_typer_would_write_it_from_the_commands_themselves(width: int) -> None:
    group = typer.main.get_group(app)
    context = typer.Context(group, info_name="newsletter")
    formatter = context.make_formatter()
    formatter.width = width

    TyperGroup.format_help(group, context, formatter)

    assert formatter.getvalue() == overview("newsletter", width) + "\n"


def test_the_overview_names_every_command_that_is_there() -> None:
    there: dict[str, str] = {}
    for file in pkgutil.iter_modules(newsletter.cli.__path__):
        module = importlib.import_module(f"newsletter.cli.{file.name}")
        if hasattr(module, "register"):
            part = typer.Typer()
            module.register(part)
            there |= dict.fromkeys(typer.main.get_group(part).commands, file.name)

    assert there == {name: module for name, (module, _) in COMMANDS.items()}


@pytest.mark.parametrize("columns", ["60", "200"])
def test_the_overview_is_the_same_asked_for_and_not(columns: str) -> None:
    words = [sys.executable, "-m", "newsletter"]
    environ = {**os.environ, "COLUMNS": columns}

    asked = subprocess.run([*words, "--help"], env=environ, capture_output=True, text=True, check=True)
    unasked = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)

    assert asked.stdout.startswith("Usage: python -m newsletter [OPTIONS]")
    assert asked.stdout == unasked.stderr


def test_the_reader_of_the_overview_may_go_away() -> None:
    reading, writing = os.pipe()
    os.close(reading)

    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "newsletter", "--help"], stdout=closed, stderr=subprocess.PIPE, check=False
        )

    assert (done.returncode, done.stderr) == (1, b"")


def test_a_shell_that_completes_is_told_commands_and_what_they_do() -> None:
    group = typer.main.get_group(app)

    found = group.shell_complete(typer.Context(group, info_name="newsletter"), "st")

    assert [(one.value, one.help) for one in found] == [("status", "Show where each issue stands.")]


def test_the_version_is_told() -> None:
    said = CliRunner().invoke(app, ["--version"])

    assert (said.exit_code, bool(re.fullmatch(r"\d+\.\d+\.\d+\S*\n", said.stdout))) == (0, True)


# --- JSON -----------------------------------------------------------------------------------------------------

COUNTS = {"recipients": int, "pending": int, "sent": int, "refused": int, "unsure": int, "skipped": int}
STANDING = {"issue": str, "state": str, **COUNTS}
STATUS = {**STANDING, "note": str, "providers": dict}
DELIVERY = {"email": str, "state": str, "at": str, "provider_id": str, "reason": type(None)}
SUBSCRIBER = {"email": str, "name": str, "state": str, "digests": list, "topics": list, "attributes": dict}
POST = {"id": str, "title": str, "published_at": str, "path": str, "issues": list, "reason": type(None)}


def shape(facts: dict[str, Any]) -> dict[str, type]:
    return {name: type(value) for name, value in facts.items()}


@pytest.fixture
def busy(site: SiteFolder) -> SiteFolder:
    """A site in summer with a sent issue, two posts and two readers."""
    site.now = "2023-07-13T08:00:00+00:00"  # nine o'clock in London
    site.post("a", on="2023-07-11")
    site.post("b", on="2023-07-12")
    site.readers(2)
    site.facts("send", site.approved(on="2023-07-13"))
    return site


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        ("posts", POST),
        ("status", STATUS),
        ("deliveries weekly-2023-07-13", DELIVERY),
        ("subscribers list", SUBSCRIBER),
        ("schedule", {"digest": str, "due_at": str, "issue": str, "state": type(None)}),
    ],
)
def test_lists_are_of_the_agreed_shape(busy: SiteFolder, command: str, wanted: dict[str, type]) -> None:
    facts = busy.facts(*command.split())

    assert facts
    assert all(shape(one) == wanted for one in facts)


def test_what_changes_an_issue_answers_in_the_agreed_shape(site: SiteFolder) -> None:
    site.post("a")
    site.post("old", on="2023-01-01")
    site.readers(1)

    built = site.facts("build", "weekly", "--on", "2023-11-16")
    approved = site.facts("approve", ISSUE, "--yes")
    told = [site.facts(*words) for words in (("pause", ISSUE), ("resume", ISSUE), ("status", ISSUE), ("send", ISSUE))]

    assert shape(built) == {"issue": str, "state": str, "posts": list, "left_out": list, "warnings": list}
    assert shape(built["posts"][0]) == {"id": str, "title": str, "published_at": str, "section": type(None)}
    assert shape(built["left_out"][0]) == {"id": str, "reason": str}
    assert shape(approved) == {"issue": str, "state": str, "recipients": int, "due_at": str, "sha256": str}
    assert [shape(one) for one in told] == [STANDING, STANDING, STATUS, STANDING]


def test_imports_answer_in_the_agreed_shape(site: SiteFolder) -> None:
    site.write("page.txt", "November 14, 2023\n\nA title\n\nA text of some length.\n")
    site.write("people.csv", "email\nmaud@example.org\nnobody\n")

    posts = site.facts("import", "posts", "page.txt")
    people = site.facts("subscribers", "import", "people.csv")

    assert shape(posts) == {"added": list, "unchanged": int, "left_out": list}
    assert shape(people) == {"added": int, "updated": int, "unchanged": int, "suppressed": int, "bad": list}
    assert shape(people["bad"][0]) == {"line": int, "message": str}


def moments(facts: Any) -> list[str]:
    inner = facts.values() if isinstance(facts, dict) else facts if isinstance(facts, list) else []
    own = [value for name, value in facts.items() if name.endswith("at") and value] if isinstance(facts, dict) else []
    return [*own, *(moment for value in inner for moment in moments(value))]


@pytest.mark.parametrize(
    "command",
    ["posts", "deliveries weekly-2023-07-13", "schedule", "build --on 2023-07-13", "approve weekly-2023-07-20 --yes",
     "subscribers show reader0@example.net"],
)  # fmt: skip
def test_times_in_json_have_the_offset_of_the_sites_zone(busy: SiteFolder, command: str) -> None:
    busy.post("next", on="2023-07-14")
    busy.facts("build", "--on", "2023-07-20")

    found = moments(busy.facts(*command.split()))

    assert found
    assert {datetime.fromisoformat(moment).utcoffset() for moment in found} == {
        datetime.fromisoformat("2023-07-13T09:00:00+01:00").utcoffset()
    }


def test_the_table_of_deliveries_is_in_utc_under_its_header(busy: SiteFolder) -> None:
    lines = busy.run("deliveries", "weekly-2023-07-13", "--csv").out.splitlines()

    assert lines[0] == "email,state,at,provider_id,reason"
    assert lines[1].startswith("reader0@example.net,sent,2023-07-13T08:00:00+00:00,")


def test_messages_do_not_stand_among_the_facts(site: SiteFolder) -> None:
    site.post("a")
    site.write("posts/broken.md", "---\ntitle: [\n---\nx\n")

    said = site.run("build", "--on", "2023-11-16", "--json")

    assert [post["id"] for post in json.loads(said.out)["posts"]] == ["a"]
    assert "posts/broken.md" in said.err


# --- exit statuses and errors ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "exit_code", "says"),
    [
        ("nonsense", 2, "No such command"),
        ("build --nonsense", 2, "No such option"),
        ("build monthly", 2, "weekly"),
        ("build --on tomorrow", 2, "2026-11-19"),
        ("build --on 2023-11-10", 2, "2023-11-09 and 2023-11-16"),
        ("status weekly-2023-11-16", 2, "newsletter build weekly --on 2023-11-16"),
        ("status nonsense", 2, "newsletter status"),
        ("resolve weekly-2023-11-16 --as perhaps", 2, "'unsent'"),
        ("subscribers show nobody@example.org", 2, "newsletter subscribers list"),
        ("subscribers list --state gone", 2, "unsubscribed"),
        ("subscribers add nonsense", 1, "@-sign"),
        ("subscribers import missing.csv", 1, "missing.csv"),
        ("import posts missing.txt", 1, "missing.txt"),
        ("new .", 1, "name a new one"),
        ("demo .", 1, "newsletter demo DIR"),
    ],
)
def test_a_mistake_is_told_with_its_next_step(site: SiteFolder, command: str, exit_code: int, says: str) -> None:
    said = site.run(*command.split())

    assert (said.exit_code, said.out) == (exit_code, "")
    assert says in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    "command",
    ["posts", "build", f"approve {ISSUE}", f"send {ISSUE}", "status", f"deliveries {ISSUE}", "schedule", "run", "tick",
     "serve", "migrate", "subscribers list", "subscribers import x.csv", "subscribers export", "import posts x.txt"],
)  # fmt: skip
def test_outside_a_site_a_newcomer_is_told_what_to_do(
    command: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("nowhere"))

    said = CliRunner().invoke(app, command.split())

    assert (said.exit_code, said.stdout) == (2, "")
    assert "newsletter new DIR" in said.stderr


def test_a_new_site_keeps_out_of_git_what_belongs_to_one_machine(tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["new", str(tmp_path / "mine")])

    assert said.exit_code == 0
    ignored = (tmp_path / "mine" / ".gitignore").read_text("utf-8").split()
    assert ignored == ["data/", "outbox/", "issues/*/.attempts", ".env"]


def test_one_bad_line_is_counted_as_one(site: SiteFolder) -> None:
    site.write("people.csv", "email\nann@example.org\nnobody\n")

    said = site.run("subscribers", "import", "people.csv")

    assert said.out.rstrip().endswith(", 1 bad line")


@pytest.mark.parametrize("command", ["approve", "cancel", "resolve --as sent"])
def test_what_asks_does_nothing_without_a_terminal_and_names_yes(site: SiteFolder, command: str) -> None:
    site.post("a")
    site.facts("build", "--on", "2023-11-16")
    name, *options = command.split()

    said = site.run(name, ISSUE, *options)

    assert (said.exit_code, "--yes" in said.err) == (1, True)
    assert site.facts("status", ISSUE)["state"] == "draft"


def test_what_cannot_be_done_any_more_is_told(site: SiteFolder) -> None:
    site.readers(1)
    site.post("a")
    site.approved()
    site.facts("send", ISSUE, "--yes")

    cancelled = site.run("cancel", ISSUE, "--yes")
    resolved = site.run("resolve", ISSUE, "--as", "sent", "--yes")

    assert (cancelled.exit_code, "fix: mails that went out cannot be called back" in cancelled.err) == (1, True)
    assert (resolved.exit_code, f"nothing of {ISSUE} was in doubt" in resolved.err) == (0, True)


def test_erasing_asks_too(site: SiteFolder) -> None:
    site.readers(1)

    said = site.run("subscribers", "erase", "reader0@example.net")

    assert (said.exit_code, "--yes" in said.err) == (1, True)
    assert len(site.facts("subscribers", "list")) == 1


def test_a_fault_of_the_program_names_its_place_and_never_what_it_was_about(
    site: SiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_args: object, **_kwargs: object) -> None:
        raise KeyError("maud@example.org")

    monkeypatch.setattr("newsletter.pipeline.build.build", fails)

    said = site.run("build")

    assert said.exit_code == 1
    assert re.search(r"fault of the program: KeyError at test_commands\.py:\d+", said.err)
    assert "maud" not in said.err


# --- what the output is like ----------------------------------------------------------------------------------


def test_what_had_its_time_before_an_issue_is_counted_and_not_listed(site: SiteFolder) -> None:
    for number in range(30):
        site.post(f"old{number}", on="2023-01-01")
    site.post("a")
    site.post("draft", more="draft: true\n")

    said = site.run("build", "--on", "2023-11-16")

    assert "left out draft: a draft" in said.err
    assert "left out 30 more posts" in said.err
    assert "old7" not in said.err


def test_a_new_draft_is_not_told_as_a_list_of_changes(site: SiteFolder) -> None:
    site.post("a")

    first = site.run("build", "--on", "2023-11-16")
    site.post("b")
    second = site.run("build", "--on", "2023-11-16")

    assert "added" not in first.err
    assert "added b" in second.err


def test_approving_tells_what_would_hinder_the_sending(site: SiteFolder) -> None:
    site.post("a")
    site.environ["NEWSLETTER_PROVIDER__NAME"] = "smtp"
    site.run("build", "--on", "2023-11-16")

    said = site.run("approve", ISSUE, "--yes")

    assert said.exit_code == 0
    assert "provider.host" in said.err
    assert "newsletter subscribers add" in said.err


def test_an_issue_for_later_is_said_to_go_at_its_time(site: SiteFolder) -> None:
    site.post("a", on="2023-11-17")
    site.readers(1)
    site.run("build", "--on", "2023-11-23")

    later = site.run("approve", "weekly-2023-11-23", "--yes")
    site.now = "2023-11-23T09:00:00+00:00"
    due = site.run("approve", "weekly-2023-11-23", "--yes")

    assert "at its time by `newsletter run`" in later.err
    assert "it is sent now by `newsletter send weekly-2023-11-23`" in due.err


def test_a_digest_that_is_nowhere_is_said_to_be(site: SiteFolder) -> None:
    site.readers(1)

    said = site.run("subscribers", "list", "--digest", "weakly")

    assert (said.exit_code, said.out) == (0, "")
    assert "there are: weekly" in said.err


def test_a_strict_reading_names_every_bad_file_where_it_lies(site: SiteFolder) -> None:
    site.write("posts/broken.md", "---\ntitle: [\n---\nx\n")
    site.write("posts/empty.md", "")

    said = site.run("posts", "--strict")

    assert said.exit_code == 1
    assert "posts/broken.md:" in said.err
    assert "posts/empty.md: " in said.err
    assert "fix: " in said.err


def test_a_path_through_a_missing_folder_does_not_lead_into_a_full_one(site: SiteFolder) -> None:
    said = site.run("demo", "missing/..")

    assert said.exit_code == 1
    assert not (site.folder / "missing").exists()


def test_the_demo_leaves_somebodys_own_site_alone(site: SiteFolder) -> None:
    site.post("a")
    before = sorted(path for path in site.folder.rglob("*"))

    said = site.run("demo", ".")

    assert said.exit_code == 1
    assert sorted(path for path in site.folder.rglob("*")) == before


def test_the_demo_never_mails_through_a_provider(site: SiteFolder) -> None:
    site.environ["NEWSLETTER_PROVIDER__NAME"] = "postmark"

    said = site.run("demo", "demo")

    assert said.exit_code == 1
    assert "into files only" in said.err


def test_the_demo_run_again_says_what_is_there(site: SiteFolder) -> None:
    site.run("demo", "demo")
    mails = sorted((site.folder / "demo" / "outbox").rglob("*.eml"))

    again = site.run("demo", "demo")

    assert again.exit_code == 0
    assert "is a complete site" in again.out
    assert sorted((site.folder / "demo" / "outbox").rglob("*.eml")) == mails != []


def test_one_is_not_counted_as_several(site: SiteFolder) -> None:
    site.now = DUE
    site.post("a")
    site.readers(1)

    built = site.run("build", "--on", "2023-11-16")
    approved = site.run("approve", ISSUE, "--yes")

    assert (built.out.splitlines()[0], approved.out) == (
        f"{ISSUE}: draft, 1 post",
        f"{ISSUE}: approved, for 1 recipient\n",
    )
