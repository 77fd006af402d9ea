"""What rendering costs, next to the bare libraries on the same input in the same run: `python benchmarks/render.py`.

The ratio is what our own work adds to Jinja2, MJML and premailer; it stays comparable on a slower machine, seconds do
not. Growth is the time per post, so a column that rises says that something is not linear. `cut` is how many posts are
shortened for Gmail's limit, which takes two more passes: one of the frame alone, and one that shows less.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment
from mjml import mjml2html

sys.path.insert(0, str(Path(__file__).parent.parent))

from newsletter.emails.render import render, render_fitting
from newsletter.models import Body, Issue, Post, PostContent
from newsletter.settings import Settings
from tests.factories import a_content, a_post, a_site, an_issue

NONCE = "b3nch"
SENTENCE = "Some words of a paragraph, <a href='https://www.example.org/more'>a link</a>, and <em>what</em> followed. "
BARE = """<mjml><mj-head><mj-attributes><mj-text font-size="16px" line-height="1.6" /></mj-attributes></mj-head>
<mj-body>{% for post, content in posts %}<mj-section><mj-column><mj-text css-class="post"><h2><a href="{{ post.url }}">
{{ post.title }}</a></h2>{{ content.body_html if is_whole else content.summary_html }}
</mj-text></mj-column></mj-section>{% endfor %}</mj-body></mjml>"""
RULES = "p{margin:0 0 14px} a{color:#0b6068} h2{margin:0;font-size:22px} .post em{color:#333} .post h2 a{color:#111}"
Posts = dict[str, tuple[Post, PostContent]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, nargs="+", default=[10, 30, 50, 200])
    parser.add_argument("--runs", type=int, default=7)
    chosen = parser.parse_args()
    print(f"{'posts':>6} {'ours ms':>9} {'bare ms':>9} {'ratio':>6} {'ms/post':>8} {'bytes':>8} {'cut':>4}")
    with tempfile.TemporaryDirectory() as folder:
        for body in ("summary", "full"):
            print(f"body = {body}")
            settings = a_site(Path(folder), digests={"weekly": {"title": "The week", "body": body}})
            for count in chosen.posts:
                print(_line(settings, count, chosen.runs))
    print(_cold_start(chosen.runs))


def _line(settings: Settings, count: int, runs: int) -> str:
    posts = _posts(count)
    issue: Issue = an_issue(*posts)
    ours = _median_ms(lambda: render(issue, posts, settings=settings, nonce=NONCE), runs)
    bare = _median_ms(lambda: _bare(posts, settings.digests["weekly"].body), runs)
    made = render_fitting(issue, posts, settings=settings, nonce=NONCE)
    size_bytes, cut = len(made.email.html.encode()), len(made.fit.shortened)
    return f"{count:6} {ours:9.1f} {bare:9.1f} {ours / bare:6.2f} {ours / count:8.2f} {size_bytes:8} {cut:4}"


def _posts(count: int) -> Posts:
    return {
        f"p{number}": (
            a_post(f"p{number}", url=f"https://www.example.org/{number}", tags=("News",), authors=("Ann Other",)),
            a_content(
                summary_html=f"<p>{number}. {SENTENCE * 6}</p>", body_html=f"<p>{number}. {SENTENCE * 6}</p>" * 4
            ),
        )
        for number in range(count)
    }


def _bare(posts: Posts, body: Body) -> str:
    """The same posts by the three libraries alone, as they come out of the box but for the network."""
    from premailer import Premailer  # after ours, which sets its cache

    source = Environment(autoescape=False).from_string(BARE).render(posts=posts.values(), is_whole=body == "full")  # noqa: S701 - the floor, without escaping
    page = Premailer(mjml2html(source), css_text=RULES, allow_network=False, disable_validation=True)
    return str(page.transform())


def _median_ms(work: Callable[[], object], runs: int, clock: Callable[[], float] = time.process_time) -> float:
    """Of this process's own time, which a busy machine hardly changes; another process's is measured by the wall."""
    work()
    return statistics.median(_ms(work, clock) for _ in range(runs))


def _ms(work: Callable[[], object], clock: Callable[[], float]) -> float:
    began = clock()
    work()
    return (clock() - began) * 1000


def _cold_start(runs: int) -> str:
    """A whole process each: `newsletter --help`, and a Typer program with one empty command."""
    empty = "import typer\napp = typer.Typer()\n@app.command()\ndef nothing() -> None: ...\napp()"
    ours = _median_ms(lambda: _run("-m", "newsletter", "--help"), runs, time.perf_counter)
    bare = _median_ms(lambda: _run("-c", empty, "--help"), runs, time.perf_counter)
    return f"newsletter --help {ours:.0f} ms, an empty Typer program {bare:.0f} ms, ratio {ours / bare:.2f}"


def _run(*words: str) -> None:
    subprocess.run([sys.executable, *words], check=True, capture_output=True)


if __name__ == "__main__":
    main()
