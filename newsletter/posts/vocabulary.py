"""Which words of which generator mean the same (Jekyll, Hugo, Zola, Pelican, Eleventy, Astro, Hexo, Gatsby, Ghost).

Names of keys are compared in lower case and without `-`, `_`, `:` and blanks. The order is that in which they win.
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# When the post became public; `lastmod`, `updated` and `modified` are something else.
PUBLISHED = _words("""
    publishdate pubdate pubdatetime publishedat publishedon publishedtime datepublished publicationdate published
    articlepublishedtime date datetime dcdate dctermsdate postdate created createdat createdon datecreated
""")
EXPIRES = _words("""
    expirydate expiry expires expiresat expireson expirationdate unpublishdate unpublishon unpublishat validuntil
""")
TITLE = _words("title headline ogtitle dctitle")
SUMMARY = _words("summary excerpt customexcerpt description abstract lead teasertext standfirst dek ogdescription")
TAGS = _words("tags tag categories category keywords topics topic articletag")
AUTHORS = _words("authors author byline creator writer dccreator articleauthor")
IMAGE = _words("""
    image cover coverimage featuredimage featureimage featured hero heroimage banner bannerimage header thumbnail thumb
    teaser ogimage socialimage shareimage img images previewimage photos
""")
IMAGE_ALT = _words("""
    imagealt coveralt coverimagealt featuredimagealt featureimagealt heroalt heroimagealt banneralt thumbnailalt
    ogimagealt
""")
OWN_ID = _words("id guid uuid")
CANONICAL = _words("canonical canonicalurl canonicallink canonicaladdress")
ADDRESS = (*_words("url permalink"), *CANONICAL, *_words("link externalurl externallink redirect redirectto ogurl"))
ON_SITE = _words("url permalink path")

# Groups of keys whose content counts as if it stood at the top: `[extra]` of Zola, `[params]` of Hugo.
NESTED = _words("extra params metadata meta seo og")
PICTURE_KEYS = _words("image src url path feature teaser overlayimage file filename publicurl")
PICTURE_ALT_KEYS = _words("alt imagealt alttext description caption")
LEADING_PICTURES = _words("featured feature cover header hero thumbnail banner image")

DRAFT = _words("draft published hidden unlisted private")
STATUS = _words("status visibility")
SLUG = _words("slug urlslug")
LAYOUT = _words("layout type template")
TAXONOMIES = _words("taxonomies")
RESOURCES = _words("resources")

MEANINGS: dict[str, tuple[str, ...]] = {
    "published": PUBLISHED,
    "expires": EXPIRES,
    "title": TITLE,
    "summary": SUMMARY,
    "tags": TAGS,
    "taxonomies": TAXONOMIES,
    "authors": AUTHORS,
    "image": IMAGE,
    "image alt": IMAGE_ALT,
    "resources": RESOURCES,
    "own id": OWN_ID,
    "canonical": CANONICAL,
    "address": ADDRESS,
    "on site": ON_SITE,
    "draft": DRAFT,
    "status": STATUS,
    "slug": SLUG,
    "layout": LAYOUT,
}


def _by_name() -> dict[str, list[tuple[str, int]]]:
    found: dict[str, list[tuple[str, int]]] = {}
    for meaning, names in MEANINGS.items():
        for rank, name in enumerate(names):
            found.setdefault(name, []).append((meaning, rank))
    return found


MEANINGS_BY_NAME = _by_name()
"""Name of a key → what it can mean, with its rank among the names for that."""

TRUE = frozenset(_words("true yes on 1 y"))
FALSE = frozenset(_words("false no off 0 n"))
NOT_PUBLIC = frozenset(_words("draft drafts hidden private pending unpublished skip wip unlisted"))

# One of these must stand in a block of `Key: value` lines, two of them where there is no title: else it is text.
HEADER = frozenset(
    _words("""
    title date author authors tags tag category categories slug status summary description keywords lang modified
    template url save_as image cover published draft
""")
)

# Parts of a site that lie beside the posts where the whole site is the folder.
NOT_CONTENT = frozenset(
    _words("""
    _layouts _includes _sass _data _site _plugins _theme _cache node_modules __pycache__ vendor bower_components
""")
)
# What generators make pages of, lists of posts above all.
TEMPLATES = frozenset(
    _words("""
    .njk .liquid .hbs .handlebars .mustache .ejs .pug .jade .haml .swig .astro .vue .svelte .j2 .jinja .jinja2 .erb
    .slim .webc .gotmpl
""")
)
# What these files hold is for machines, in every site that has them.
NOT_POSTS = frozenset(
    _words("""
    robots.txt humans.txt ads.txt app-ads.txt security.txt llms.txt llms-full.txt requirements.txt
""")
)
# Pages that a site has besides its posts; they count only with a date of their own.
PAGE_NAMES_ANYWHERE = frozenset(_words("readme license licence changelog todo 404 impressum"))
PAGE_NAMES = PAGE_NAMES_ANYWHERE | frozenset(
    _words("""
    index contributing code_of_conduct security authors about contact contacts search archive archives privacy imprint
    tags categories sitemap
""")
)
PAGE_LAYOUTS = frozenset(
    _words("""
    page pages home index archive archives search list tag tags category categories taxonomy section about contact 404
    redirect sitemap feed
""")
)
