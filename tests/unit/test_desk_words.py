"""What the desk's pages say, and how."""

from __future__ import annotations

import pytest

from newsletter.web.preview.pages import code_marked


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("run `newsletter build` & wait", "run <code>newsletter build</code> &amp; wait"),
        ("`<script>` is no `tag` of ours", "<code>&lt;script&gt;</code> is no <code>tag</code> of ours"),
        ("a lone ` stays <b>", "a lone ` stays &lt;b&gt;"),
        ("nothing to mark", "nothing to mark"),
    ],
)
def test_what_stands_in_backticks_is_shown_as_code(words: str, shown: str) -> None:
    assert code_marked(words) == shown
