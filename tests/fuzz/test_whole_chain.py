"""Whatever stands in posts, what comes out is a valid mail that says all of it and nothing of ours."""

from __future__ import annotations

import os
import re
import tempfile
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import html as lxml_html

from newsletter.emails import merge
from newsletter.emails.budget import LIMIT_BYTES
from newsletter.emails.fields import fields_of
from newsletter.emails.render import render
from newsletter.emails.text import one_line, width, wrap
from newsletter.models import Body, Post, PostContent
from newsletter.posts.content import render_content
from newsletter.posts.folder import read_folder
from tests.factories import a_reader, a_site, an_issue, utc

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
"""The same ones each time; set to some hundreds, others are drawn each time: for a night, or before a release."""


def words(text: str) -> list[str]:
    return text.split()


NONCE = "n0Nce42"
TOKEN = "unsubscribe-token"
TAGS_OF_OTHERS = words("""<b> </b> <p> <div </div> <table> <tr><td> </td> <li> <pre> </pre> <a </h1> <h1> <h5> <!-- -->
<script>alert(1)</script> <style>p{color:red}</style> <!--[if <![endif]--> ]]> <mj-text> </mj-section> <mj-raw> <iframe>
<svg/onload=x> <form><input> <p/onclick="x"> <img/src=https://x.example/a.png> <img/src=x> </td></tr></table></body>
</html>""")
SYNTAX = words("""{{x}} {%raw%} {# *|FNAME|* %recipient.x% [[name]] &nbsp; &#0; &amp;lt; & =_ --=_ [a](javascript:x)
slot1H0e merge0Hunsubscribeurlend [b](https://x.example/) href= ' " ```""")
NEARLY_OURS = [f"merge{NONCE[:-1]}Hemailend", f"slot{NONCE[:-1]}T0e", f"mergeH{NONCE[1:]}end"]
LINES = ["\n.\n", "\nFrom here", "\r\n.\r\n", "\n\n", "\n| a | b |\n|---|---|\n", "\n> ", "\n- ", "\n    "]
SCRIPTS = ["\u202e", "\u200f", "\ufeff", "\x85", "\u2028", "\ufffe", "😀" * 9, "नमस्ते", "שלום", "中文字" * 30, "w" * 120]
SOUP = (*TAGS_OF_OTHERS, *SYNTAX, *NEARLY_OURS, *LINES, *SCRIPTS)
any_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
soup = st.lists(st.one_of(st.sampled_from(SOUP), any_text), max_size=14).map("".join)


TAGS = frozenset(
    words("""html head title meta style body div span table tbody thead tfoot tr td th h1 h2 h3 h4 h5 h6 p a img br hr
    ul ol li dl dt dd blockquote b strong i em u s del ins sub sup small mark q abbr code kbd samp var caption""")
)
"""What may stand in a mail; anything else came from a post and got through."""


class Written(NamedTuple):
    """A post as somebody might write it."""

    title: str
    text: str
    summary: str | None


posts = st.lists(
    st.builds(Written, title=st.one_of(any_text, soup), text=soup, summary=st.one_of(st.none(), soup)),
    min_size=1,
    max_size=3,
)
Posts = dict[str, tuple[Post, PostContent]]


def front_matter(written: Written) -> str:
    lines = [f"title: {quoted(written.title)}", "date: 2023-11-14"]
    lines += [f"summary: {quoted(written.summary)}"] if written.summary else []
    return "\n".join(["---", *lines, "---", written.text, ""])


def quoted(text: str) -> str:
    """A YAML string; characters that YAML cannot hold are written as escapes."""
    escaped = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text)
    return f'"{escaped}"'


def read(folder: Path, many: list[Written], suffix: str) -> Posts:
    """The posts as the product reads them."""
    for number, written in enumerate(many):
        (folder / f"p{number}.{suffix}").write_bytes(front_matter(written).encode())
    collected = read_folder(folder, zone=ZoneInfo("UTC"), cached={}, known=(), use_git=False).collected
    assert collected.problems == ()
    return {post.id: (post, render_content(post, folder=folder)) for post in collected.posts}


def letter(posts: Posts, *, body: Body) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        site = a_site(Path(folder), digests={"weekly": {"body": body}})
        email = render(an_issue(*posts, subject="Any"), posts, settings=site, nonce=NONCE)
    urls = {"unsubscribe_url": f"https://news.example.org/u/{TOKEN}", "web_url": "https://news.example.org/i"}
    values = fields_of(a_reader(), delivery_id="d1", **urls)
    return b"".join(merge.compile_mime(email, sent_at=utc(2023, 11, 16, 9)).letter(values))


def parsed_parts(content: bytes) -> tuple[Message, str, str]:
    """The message as a mail program reads it, with its two bodies; strict about what RFC 5322 and 2045 say of lines."""
    head, _, body = content.partition(b"\r\n\r\n")
    assert content.isascii()
    assert content.count(b"\r\n") == content.count(b"\n") == content.count(b"\r")
    assert max(map(len, head.split(b"\r\n"))) <= 78
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert not re.search(rb"^(\.|From )", body, re.MULTILINE)
    message = message_from_bytes(content)
    plain, html = (part for part in message.walk() if not part.is_multipart())
    assert not any(part.defects for part in (message, plain, html))
    assert [part.get_content_type() for part in (plain, html)] == ["text/plain", "text/html"]
    return message, decoded(plain), decoded(html)


def decoded(part: Message) -> str:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode("utf-8").replace("\r\n", "\n")


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(many=posts, suffix=st.sampled_from(["md", "html", "txt"]), body=st.sampled_from(["full", "summary", "title"]))
def test_any_posts_become_a_valid_mail_that_says_all_titles_and_leaks_nothing(
    many: list[Written], suffix: str, body: Body
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        chosen = read(Path(folder), many, suffix)

        message, text, html = parsed_parts(letter(chosen, body=body))

    assert str(make_header(decode_header(message["Subject"]))) == "Any"
    page = lxml_html.document_fromstring(html)
    shown = squeezed(page.body.text_content())
    for post, _ in chosen.values():
        title = squeezed(one_line(post.title) or post.slug)
        assert title in shown
        assert title in squeezed(text)
    assert {element.tag for element in page.iter() if isinstance(element.tag, str)} <= TAGS
    assert not page.xpath("//@*[starts-with(name(), 'on')] | //a[starts-with(@href, 'javascript')]")
    assert NONCE not in html + text
    assert html.count(TOKEN) == text.count(TOKEN) == 1
    assert html.count("<!--[if") == html.count("<![endif]-->")
    assert "&lt;mj-" not in html or any("mj-" in written.title + written.text for written in many)
    assert len(html.encode()) < LIMIT_BYTES
    assert max(width(line) for line in text.split("\n") if "://" not in line) <= 78


def squeezed(text: str) -> str:
    """Without white space: where it stands depends on the width of a line."""
    return "".join(text.split())


def test_words_glued_to_an_address_are_wrapped_all_the_same() -> None:
    text = wrap("<img/src=https://x.example/a.png>" + "中文字" * 30)

    assert max(width(line) for line in text.split("\n") if "://" not in line) <= 78
    assert "https://x.example/a.png" in text
