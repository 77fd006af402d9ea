from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from newsletter.models import KnownPost, Post
from newsletter.posts.identity import assign_ids
from tests.factories import a_post


def a_file(path: str, text: str = "Text.", *, own_id: str | None = None) -> Post:
    """A post as the file gives it, before it has its identity."""
    return a_post(own_id or path.rpartition(".")[0], path=path, text_sha256=text, has_own_id=own_id is not None)


def ids(posts: list[Post], known: list[KnownPost] | None = None) -> dict[str, str]:
    return {post.path: post.id for post in assign_ids(posts, known or [])}


def remembered(posts: list[Post]) -> list[KnownPost]:
    return [KnownPost(post.id, post.path, post.text_sha256) for post in posts]


def test_a_new_file_is_called_by_its_path_without_suffix() -> None:
    assert ids([a_file("news/a.md"), a_file("news/b/index.md", "B")]) == {
        "news/a.md": "news/a",
        "news/b/index.md": "news/b",
    }


def test_of_two_files_with_one_stem_the_first_keeps_it_and_the_other_gets_its_full_name() -> None:
    assert ids([a_file("a.md", "1"), a_file("a.html", "2")]) == {"a.html": "a", "a.md": "a.md"}


def test_a_moved_file_keeps_its_identity() -> None:
    known = [KnownPost("old/a", "old/a.md", "Text.")]

    assert ids([a_file("new/b.md")], known) == {"new/b.md": "old/a"}


def test_a_file_edited_in_place_keeps_its_identity() -> None:
    known = [KnownPost("first-name", "a.md", "Text.")]

    assert ids([a_file("a.md", "Other text.")], known) == {"a.md": "first-name"}


def test_a_moved_file_keeps_its_identity_also_when_another_took_its_place() -> None:
    known = [KnownPost("a", "a.md", "Old.")]

    assert ids([a_file("a.md", "New."), a_file("b.md", "Old.")], known) == {"a.md": "a.md", "b.md": "a"}


def test_a_copy_is_a_new_post_and_the_original_stays_what_it_was() -> None:
    known = [KnownPost("b", "b.md", "Text.")]

    assert ids([a_file("a.md"), a_file("b.md")], known) == {"a.md": "a", "b.md": "b"}


def test_two_files_that_changed_names_changed_identities_with_them() -> None:
    known = [KnownPost("a", "a.md", "A"), KnownPost("b", "b.md", "B")]

    assert ids([a_file("a.md", "B"), a_file("b.md", "A")], known) == {"a.md": "b", "b.md": "a"}


def test_a_new_file_does_not_get_the_id_of_a_post_that_moved_away_and_was_deleted() -> None:
    known = [KnownPost("a", "elsewhere.md", "Old.")]

    assert ids([a_file("a.md", "New.")], known) == {"a.md": "a.md"}


def test_the_file_that_came_to_an_old_place_keeps_its_new_id_when_both_are_edited() -> None:
    # The manifests still say that "a" was at a.md; the store knows where both are now.
    known = [KnownPost("a", "a.md", "Old."), KnownPost("a", "b.md", "Old."), KnownPost("a.md", "a.md", "New.")]

    assert ids([a_file("a.md", "New, edited."), a_file("b.md", "Old, edited.")], known) == {"a.md": "a.md", "b.md": "a"}


def test_an_id_that_the_author_gave_stays_whatever_is_known() -> None:
    known = [KnownPost("a", "a.md", "Text.")]
    posts = [a_file("a.md", own_id="guid-1"), a_file("b.md", own_id="guid-1"), a_file("guid-1.md", "Other.")]

    assert ids(posts, known) == {"a.md": "guid-1", "b.md": "guid-1", "guid-1.md": "guid-1.md"}


# --- for any folder -----------------------------------------------------------------------------------------------

PATHS = st.builds(
    lambda folder, name, suffix: f"{folder}{name}{suffix}",
    st.sampled_from(["", "a/", "a/b/"]),
    st.sampled_from(["a", "b", "index", "a.md"]),
    st.sampled_from([".md", ".html", ".txt"]),
)
TEXTS = st.sampled_from(["1", "2", "3", "4"])
FOLDERS = st.dictionaries(PATHS, st.tuples(TEXTS, st.sampled_from([None, None, None, "own-1", "a"])), max_size=8)
RECORDS = st.lists(
    st.builds(KnownPost, st.sampled_from(["a", "b", "a/b", "a.md", "own-1", "x"]), PATHS, TEXTS), max_size=8
)


def posts_in(folder: dict[str, tuple[str, str | None]]) -> list[Post]:
    return [a_file(path, text, own_id=own_id) for path, (text, own_id) in folder.items()]


@given(FOLDERS, RECORDS)
def test_two_files_share_an_id_only_if_their_authors_gave_it(
    folder: dict[str, tuple[str, str | None]], known: list[KnownPost]
) -> None:
    posts = assign_ids(posts_in(folder), known)

    given_ids = [post.id for post in posts if post.has_own_id]
    other_ids = [post.id for post in posts if not post.has_own_id]
    assert len(posts) == len(folder)
    assert len(set(other_ids)) == len(other_ids)
    assert not set(other_ids) & set(given_ids)


@given(FOLDERS, RECORDS, st.randoms())
def test_the_order_of_files_and_records_makes_no_difference(
    folder: dict[str, tuple[str, str | None]], known: list[KnownPost], random: object
) -> None:
    posts = posts_in(folder)
    shuffled, shuffled_known = posts.copy(), known.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    random.shuffle(shuffled_known)  # type: ignore[attr-defined]

    assert assign_ids(shuffled, shuffled_known) == assign_ids(posts, known)


@given(
    st.lists(PATHS, unique=True, max_size=8), st.lists(st.lists(PATHS, unique=True, min_size=8, max_size=8), max_size=4)
)
def test_moves_never_change_an_identity(paths: list[str], moves: list[list[str]]) -> None:
    posts = assign_ids([a_file(path, f"text {number}") for number, path in enumerate(paths)], [])
    by_text = {post.text_sha256: post.id for post in posts}
    known = remembered(posts)

    for new_paths in moves:
        moved = [a_file(path, text) for path, text in zip(new_paths, by_text, strict=False)]
        posts = assign_ids(moved, known)
        known += remembered(posts)
        assert {post.text_sha256: post.id for post in posts} == {
            text: by_text[text] for text in (post.text_sha256 for post in posts)
        }


@given(FOLDERS, RECORDS)
def test_a_second_reading_changes_nothing(folder: dict[str, tuple[str, str | None]], known: list[KnownPost]) -> None:
    first = assign_ids(posts_in(folder), known)

    again = assign_ids(posts_in(folder), remembered(first))

    assert again == first
