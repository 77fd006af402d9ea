"""What a post brings along does nothing at the desk, and nobody but its own page may use it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, expect

from newsletter.web.preview.guard import TOKEN_HEADER, Admission
from tests.browser.editors import Editor, a_site, at_the_desk, drafted
from tests.sites import ISSUE

pytestmark = pytest.mark.browser

HOSTILE = """\
<script>top.document.title = 'taken'; fetch('/issues/x/cancel', {method: 'POST'})</script>
<img src=x onerror="parent.document.body.innerHTML = 'taken'">
<form action="/issues/x/cancel" method="post"><button>Press me</button></form>
<meta http-equiv="refresh" content="0; url=https://evil.example/">
<base href="https://evil.example/">
<a href="javascript:alert(1)">A script</a> <a href="https://evil.example/away" target="_top">A way out</a>
<style>* { background: url(https://evil.example/seen) } </style></style></head><body><p style="position:fixed;inset:0;\
background:url(https://evil.example/css)">over everything</p>
<iframe src="https://evil.example/frame"></iframe><object data="https://evil.example/object"></object>
</textarea></pre></iframe></dialog><script>document.title = 'taken'</script>

{{7*7}} *|MC:SUBJECT|* %recipient.email%
"""


@pytest.fixture(scope="module")
def editor(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """A draft with a hostile post: in its text, in its title, and in the introduction."""
    site = a_site(tmp_path_factory.mktemp("hostile") / "site", posts=1)
    site.post("hostile", on="2023-11-14", title="</iframe><script>document.title='taken'</script>{{7*7}}", text=HOSTILE)
    site.write(".env", "NEWSLETTER_PROVIDER__API_KEY=canary-secret-1\n")
    drafted(site)
    site.write(f"issues/{ISSUE}/issue.md", site.read(f"issues/{ISSUE}/issue.md") + "\n" + HOSTILE)
    with at_the_desk(site, browser) as editor:
        yield editor


@pytest.mark.parametrize("tab", ["mail", "inbox", "text", "links", "headers", "source"])
def test_a_hostile_post_runs_nothing_asks_nobody_and_leads_nowhere(editor: Editor, tab: str) -> None:
    editor.strangers.clear()
    editor.open(f"/issues/{ISSUE}?tab={tab}")
    address = editor.page.url

    expect(editor.page.get_by_role("heading", level=1)).to_have_text("The week")
    assert "taken" not in editor.page.title()
    assert editor.page.url == address
    assert editor.strangers == []


def test_a_link_in_the_mail_leads_nowhere(editor: Editor) -> None:
    editor.open()
    frame = editor.page.frame_locator("#stage iframe")
    pages = len(editor.page.context.pages)

    frame.get_by_text("A way out").first.click()

    expect(frame.get_by_text("A way out").first).to_be_visible()
    assert len(editor.page.context.pages) == pages
    assert editor.strangers == []


def test_braces_and_foreign_merge_syntax_arrive_as_written(editor: Editor) -> None:
    editor.open()

    editor.expect_mail("{{7*7}} *|MC:SUBJECT|* %recipient.email%")


def test_the_frame_may_do_nothing_even_where_it_is_opened_by_itself(editor: Editor) -> None:
    answer = requests.get(f"{editor.url}/issues/{ISSUE}/mail", timeout=10)

    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "img-src data:" in policy
    assert "sandbox allow-same-origin" in policy
    assert "script" not in policy


def test_no_secret_reaches_a_page(editor: Editor) -> None:
    for path in ("/", "/ahead", *(f"/issues/{ISSUE}?tab={tab}" for tab in ("mail", "headers", "source"))):
        assert "canary-secret-1" not in requests.get(editor.url + path, timeout=10).text


# --- who may use it -------------------------------------------------------------------------------------------


def test_a_name_that_is_rebound_to_this_machine_is_refused(editor: Editor) -> None:
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", ""):
        answer = requests.get(editor.url, headers={"Host": host}, timeout=10)

        assert answer.status_code in (400, 403), host


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", "http://127.0.0.1"])
def test_another_web_page_may_read_and_write_nothing(editor: Editor, origin: str) -> None:
    asked = {"Origin": origin, TOKEN_HEADER: editor.token}

    assert requests.get(editor.url, headers=asked, timeout=10).status_code == 403
    assert requests.post(f"{editor.url}/issues/{ISSUE}/cancel", headers=asked, timeout=10).status_code == 403


def test_what_another_page_embeds_is_refused_and_a_link_to_the_desk_is_followed(editor: Editor) -> None:
    embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    framed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}

    assert requests.get(editor.url, headers=embedded, timeout=10).status_code == 403
    assert requests.get(editor.url, headers=framed, timeout=10).status_code == 403
    assert requests.get(editor.url, headers=followed, timeout=10).status_code == 200


@pytest.mark.parametrize("verb", ["build", "edits", "test", "approve", "withdraw", "send", "pause", "cancel"])
def test_nothing_is_changed_without_the_token_or_by_get(editor: Editor, verb: str) -> None:
    address = f"{editor.url}/issues/{ISSUE}/{verb}"

    assert requests.post(address, json={}, timeout=10).status_code == 403
    assert requests.post(address, json={}, headers={TOKEN_HEADER: "guessed"}, timeout=10).status_code == 403
    assert requests.get(address, headers={TOKEN_HEADER: editor.token}, timeout=10).status_code == 405


def test_a_guest_from_the_network_needs_the_key_and_gets_a_cookie_for_it(browser: Browser, tmp_path: Path) -> None:
    admission = Admission.at("0.0.0.0")
    with at_the_desk(a_site(tmp_path / "site", posts=1), browser, admission=admission) as editor:
        assert requests.get(editor.url, timeout=10).status_code == 401
        assert requests.get(f"{editor.url}/?key=guessed", timeout=10).status_code == 401

        editor.page.goto(f"{editor.url}/?key={admission.key}")

        expect(editor.page.get_by_role("heading", level=1)).to_have_text("Issues")
        assert editor.page.url == f"{editor.url}/"
        (cookie,) = editor.page.context.cookies()
        assert cookie["httpOnly"] is True
        assert cookie["sameSite"] == "Strict"
