"""How template tags and shortcodes are written: the patterns of `newsletter.posts.shortcodes`.

Each is bounded or excludes its own opening, so that no text makes a search slow.
"""

from __future__ import annotations

import re

_DROPPED_TAGS = ("comment", "mermaid")
CODE_SPAN = re.compile(r"(?<![`\\])(?P<ticks>`+)(?!`)(?:(?!\n[ \t]*\n).)+?(?<!`)(?P=ticks)(?!`)", re.DOTALL)
HTML_CODE = re.compile(r"<(?P<name>pre|code|samp|kbd)\b[^<>]*>", re.IGNORECASE)
RAW = re.compile(r"\{%-?\s*raw\s*-?%\}"), re.compile(r"\{%-?\s*endraw\s*-?%\}")
HIGHLIGHT = (
    re.compile(r"\{%-?\s*highlight\s+(?P<language>[\w+-]+)[^%{}]*%\}\n?"),
    re.compile(r"\n?\{%-?\s*endhighlight\s*-?%\}"),
)
# Of Octopress and Hexo.
CODE_BLOCK = (
    re.compile(r"\{%-?\s*code(?:block)?\b(?:[^%{}]*?\blang:(?P<language>[\w+-]+))?[^%{}]*%\}\n?"),
    re.compile(r"\n?\{%-?\s*endcode(?:block)?\s*-?%\}"),
)
QUOTE = re.compile(r"\{%-?\s*(?:block|pull)?quote\b[^%{}]*%\}"), re.compile(r"\{%-?\s*end(?:block|pull)?quote\s*-?%\}")
CAPTURE = (
    re.compile(r"\{%-?\s*capture\s+(?P<name>[\w-]+)\s*-?%\}"),
    re.compile(r"\{%-?\s*endcapture\s*-?%\}"),
)
HUGO_HIGHLIGHT = (
    re.compile(r"\{\{[<%]\s*highlight\s+\"?(?P<language>[\w+-]+)[^{}]*[%>]\}\}\n?"),
    re.compile(r"\n?\{\{[<%]\s*/\s*highlight\s*[%>]\}\}"),
)
# Mailchimp's merge tags; Markdown would take their stars for emphasis.
STARRED = re.compile(r"\*\|[A-Za-z0-9_:%./ -]{1,100}\|\*")
# What Hugo and Zola show as a shortcode instead of running it: `{{</* name */>}}`, `{{/* name() */}}`.
SHOWN_AS_WRITTEN = re.compile(r"(?P<open>\{\{[<%]?|\{%)/\*(?P<inside>[^{}]{0,2000}?)\*/(?P<close>[>%]?\}\}|%\})")
MARKDOWN_INSIDE = re.compile(r"(?P<tag><(?P<name>\w+)\b[^<>]*\bmarkdown=[\"']?(?:1|block|span)[\"']?[^<>]*>)[ \t]*")
DROPPED = (
    *(
        (re.compile(rf"\{{%-?\s*{name}\b[^%{{}}]*%\}}"), re.compile(rf"\{{%-?\s*end{name}\s*-?%\}}"))
        for name in _DROPPED_TAGS
    ),
    (re.compile(r"\{\{<\s*mermaid\b[^{}]*>\}\}"), re.compile(r"\{\{<\s*/\s*mermaid\s*>\}\}")),
    # Zola's block shortcodes end with a bare `end`.
    (re.compile(r"\{%-?\s*mermaid\w*\([^%{}]*%\}"), re.compile(r"\{%-?\s*end\s*-?%\}")),
    (re.compile(r"\{::comment\}"), re.compile(r"\{:/(?:comment)?\}")),
)
MORE = re.compile(
    r"<!--\s*(?:more|excerpt|read[ -]?more|truncate|PELICAN_END_SUMMARY|end[ -]excerpt)\s*-->", re.IGNORECASE
)
MDX_MORE = re.compile(r"\{/\*\s*(?:more|truncate)\s*\*/\}", re.IGNORECASE)
HUGO = re.compile(r"\{\{[<%]\s*(?P<close>/?)\s*(?P<name>[\w/.-]{1,80})(?P<arguments>[^{}]{0,2000}?)[>%]\}\}")
LIQUID_TAG = re.compile(
    r"\{%-?\s*(?P<name>[a-zA-Z][\w-]{0,80})(?![\w-])(?P<arguments>(?:[^%{]|%(?!\})|\{(?!%)){0,2000})%\}"
)
QUOTED_OUTPUT = re.compile(
    r"""\{\{-?\s*(?P<quote>["'])(?P<text>[^"'{}\n]*)(?P=quote)\s*\|\s*(?P<filter>[a-z_]+)[^{}\n]*?-?\}\}"""
)
TERA_CALL = re.compile(r"\{\{-?\s*(?P<name>[a-z_]\w*)\((?P<arguments>[^{}]*)\)\s*-?\}\}")
TERA_SURE = re.compile(r"\s*[a-z_]\w*\s*=\s*[\"'\d\[tf]")
LIQUID_OUTPUT = re.compile(
    r"\{\{-?\s*(?:(?:site|page|include|layout|paginator|theme|jekyll|post|forloop)\.[^{}\n]*|content\s*|[\w.]+\s*\|[^{}\n]*)-?\}\}"
)
LIQUID_NAMES = re.compile(r"\{%-?\s*(?:assign|for)\s+(?P<name>[\w-]+)")
TOC = re.compile(
    r"^[*+-] .*\n\{:\s*toc\b[^}\n]*\}[ \t]*$|^(?:\[TOC\]|\[\[_?toc_?\]\])[ \t]*$", re.MULTILINE | re.IGNORECASE
)
_SURE = r"(?:(?:[.#][\w:-]+)+|[\w:-]+=(?:\"[^\"\n]*\"|'[^'\n]*'|[\w./%-]+)|toc|no_toc)"
_ATTRIBUTES = rf"(?:[\w-]+[ \t]+)*{_SURE}(?:[ \t]+(?:{_SURE}|[\w-]+))*"
KRAMDOWN = re.compile(
    rf"\{{:[ \t]*{_ATTRIBUTES}[ \t]*:?[ \t]*\}}|\{{::(?:options|comment|nomarkdown)[^{{}}\n]*\}}|\{{:/[a-z]*\}}"
)
# Of Pandoc and markdown-it, behind a link or a picture.
SPAN_ATTRIBUTES = re.compile(rf"(?<=\))\{{[ \t]*{_ATTRIBUTES}[ \t]*\}}")
# kramdown and others take a picture's address with blanks; CommonMark wants it between < and >.
BLANKS_IN_ADDRESS = re.compile(
    r"\]\((?P<address>[^()<>\n\"']{1,300} [^()<>\n\"']{0,300}\.(?:jpe?g|png|gif|webp|svg))\)", re.IGNORECASE
)
# Markdown before CommonMark wanted no blank; one `#` alone may be a hashtag.
TIGHT_HEADING = re.compile(r"^(?P<marks> {0,3}#{2,6})(?=[^#\s])", re.MULTILINE)
HEADING_ID = re.compile(r"^(?P<heading> {0,3}#{1,6} [^\n{]*)\{[#.][\w. #:=\"-]*\}[ \t]*$", re.MULTILINE)
BLOCK_ATTRIBUTES = re.compile(rf"^\{{[ \t]*[.#][\w:.#-]+(?:[ \t]+{_SURE})*[ \t]*\}}[ \t]*$", re.MULTILINE)
CAPTION = re.compile(r"\[/?(?:caption|wp_caption|embed|audio|video|playlist|gallery)(?:\s[^\[\]\n]{0,500})?\](?!\()")
ADMONITION = re.compile(
    r"^[ \t]*:{3,}[ \t]*(?:[\w-]+[ \t]*)?(?:\{(?P<attributes>[^{}\n]*)\})?(?:\[(?P<title>[^\]\n]*)\])?[ \t]*:*[ \t]*$",
    re.MULTILINE,
)
ALERT = re.compile(r"^(?P<quote>[ \t]*>[ \t]*)\[!(?P<name>[A-Za-z]+)\][+-]?[ \t]*(?P<title>[^\n]*)$", re.MULTILINE)
MDX_IMPORT = re.compile(r"^(?:import|export)\s[^\n]*(?:\n(?![ \t]*\n)[^\n]*)*$", re.MULTILINE)
MDX_COMMENT = re.compile(r"\{/\*.*?\*/\}", re.DOTALL)
ARGUMENT = re.compile(
    r"""(?:(?P<key>[\w-]+)(?:\s*=\s*|:(?=["'])))?(?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>[^']*)'|(?P<bare>[^\s,"'=]+))"""
)
SUSPECT = re.compile(
    r"\{[{%:#./]|\)\{|<!--|markdown=|\*\||:::|\{/\*|\[(?:/?caption|\[?_?toc|embed|gallery|audio|video|playlist|!)|^(?:im|ex)port\s"
    r"|^ {0,3}##+[^#\s]|\]\([^()\n]{0,300} [^()\n]{0,300}\)",
    re.IGNORECASE | re.MULTILINE,
)
"""What has to be looked at more closely; most texts hold nothing of it."""
