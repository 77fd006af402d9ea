"""The page and somebody's own editor at one file: nobody's work is lost, and the file is valid at any moment."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from typing import Any

import requests

from newsletter.issues.draft import read
from newsletter.web.preview.guard import TOKEN_HEADER
from tests.flow.test_shaping import BY_HAND
from tests.served import Served, served
from tests.sites import ISSUE, SiteFolder, site

__all__ = ["site"]
FILE = f"issues/{ISSUE}/issue.md"
COUNT = 200


def posted(desk: Served, session: requests.Session, version: str, edit: dict[str, Any]) -> dict[str, Any]:
    address = f"{desk.url}/issues/{ISSUE}/edits"
    answer: dict[str, Any] = session.post(address, json={"version": version, "edit": edit}, timeout=30).json()
    return answer


def an_edit(chance: random.Random, number: int, post: str) -> dict[str, Any]:
    edits: list[dict[str, Any]] = [
        {"do": "intro", "markdown": f"Intro {number}."},
        {"do": "move_post", "post": post, "section": 0, "position": chance.randrange(6)},
        {"do": "override", "post": post, "title": f"Title {number}", "summary": None},
    ]
    return chance.choice(edits)


def test_a_page_and_a_hand_edit_at_once_and_nothing_of_the_hands_is_lost(site: SiteFolder) -> None:
    for number in range(6):
        site.post(f"p{number}")
    site.facts("build", "weekly", "--on", "2023-11-16")
    chance, taken, asked = random.Random(3), 0, 0
    with served(site) as desk, requests.Session() as session:
        session.headers[TOKEN_HEADER] = desk.token
        page = session.get(f"{desk.url}/issues/{ISSUE}", timeout=30).text
        (version,) = re.findall(r'data-version="(\w+)"', page)
        hand = subprocess.Popen([sys.executable, "-c", BY_HAND, str(site.folder / FILE), str(COUNT)])
        for number in range(COUNT):
            said = posted(desk, session, version, an_edit(chance, number, f"p{chance.randrange(6)}"))
            taken, asked = taken + ("conflict" not in said), asked + ("conflict" in said)
            version = said["version"]
            read(site.read(FILE), issue_id=ISSUE)
        assert hand.wait() == 0

    assert taken + asked == COUNT
    assert taken > 0
    assert [number for number in range(COUNT) if f"# by hand {number}." not in site.read(FILE)] == []


def test_an_edit_from_a_page_that_was_open_before_the_desk_is_shown_and_not_guessed(site: SiteFolder) -> None:
    site.post("a")
    site.facts("build", "weekly", "--on", "2023-11-16")
    with served(site) as desk, requests.Session() as session:
        session.headers[TOKEN_HEADER] = desk.token

        said = posted(desk, session, "0" * 64, {"do": "intro", "markdown": "Mine."})

    assert said["conflict"] == {"says": "The introduction", "yours": "Mine.", "theirs": "(empty)"}
    assert "Mine." not in site.read(FILE)


def test_what_is_no_edit_is_refused(site: SiteFolder) -> None:
    site.post("a")
    site.facts("build", "weekly", "--on", "2023-11-16")
    with served(site) as desk:
        address, headers = f"{desk.url}/issues/{ISSUE}/edits", {TOKEN_HEADER: desk.token}

        answer = requests.post(address, json={"version": "", "edit": {"do": "burn"}}, headers=headers, timeout=30)

    assert answer.status_code == 422
