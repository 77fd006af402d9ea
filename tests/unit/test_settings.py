"""newsletter.toml, .env and the environment: what wins, and every mistake named at once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from newsletter.errors import BadInput, NoSite
from newsletter.settings import Settings
from newsletter.settings_file import find_site, load

SHORTEST = """\
[site]
name = "Example Network"

[sender]
email = "news@example.org"
"""


def a_site(folder: Path, text: str = SHORTEST) -> Path:
    (folder / "newsletter.toml").write_text(text, "utf-8")
    return folder


def problems(folder: Path, **environ: str) -> list[str]:
    with pytest.raises(BadInput) as caught:
        load(folder, environ=environ)
    return [str(place) for place in caught.value.places]


def test_the_shortest_useful_file_is_a_site_and_a_sender(tmp_path: Path) -> None:
    settings = load(a_site(tmp_path), environ={})

    assert list(settings.digests) == ["weekly"]
    assert settings.digests["weekly"].schedule == "thu 09:00"
    assert settings.provider.name == "outbox"
    assert settings.sender_name == "Example Network"


def test_a_site_is_found_from_a_folder_inside_it(tmp_path: Path) -> None:
    a_site(tmp_path)
    (tmp_path / "posts" / "deep").mkdir(parents=True)

    assert find_site(tmp_path / "posts" / "deep") == tmp_path


def test_no_site_tells_a_newcomer_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(NoSite) as caught:
        find_site(tmp_path)

    assert "newsletter new DIR" in str(caught.value.fix)


def test_the_environment_wins_over_dotenv_and_dotenv_over_the_file(tmp_path: Path) -> None:
    a_site(tmp_path, SHORTEST + '[provider]\nname = "smtp"\nhost = "a"\nport = 1\n')
    (tmp_path / ".env").write_text("NEWSLETTER_PROVIDER__HOST=b\nNEWSLETTER_PROVIDER__PORT=2\n")

    settings = load(tmp_path, environ={"NEWSLETTER_PROVIDER__PORT": "3"})

    assert (settings.provider.name, settings.provider.host, settings.provider.port) == ("smtp", "b", 3)


def test_a_line_of_dotenv_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    a_site(tmp_path)
    (tmp_path / ".env").write_text("NEWSLETTER_PROVIDER__NAME=smtp\nNEWSLETTER PROVIDER PASSWORD is secret\n")

    assert problems(tmp_path)[0].startswith(".env:2: ")


def test_a_digests_setting_comes_from_the_environment(tmp_path: Path) -> None:
    a_site(tmp_path, SHORTEST + '[digests.weekly]\ntitle = "The week"\n')

    settings = load(tmp_path, environ={"NEWSLETTER_DIGESTS__WEEKLY__SCHEDULE": "fri 10:00"})

    assert (settings.digests["weekly"].title, settings.digests["weekly"].schedule) == ("The week", "fri 10:00")


def test_a_toml_syntax_error_shows_its_line(tmp_path: Path) -> None:
    a_site(tmp_path, '[site]\nname = "Example\n')

    assert problems(tmp_path)[0].startswith("newsletter.toml:2:")


def test_five_wrong_values_are_all_shown_each_with_its_line(tmp_path: Path) -> None:
    a_site(
        tmp_path,
        """\
[site]
name = "Example"
timezone = "Europe/Londn"
[sender]
email = "nobody"
[digests.weekly]
schedule = "thursday at nine"
lookback = "a month"
[provider]
nmae = "smtp"
""",
    )

    found = problems(tmp_path)

    assert [place.partition(": ")[0] for place in found] == [f"newsletter.toml:{line}" for line in (3, 5, 7, 8, 10)]
    assert "did you mean 'Europe/London'" in found[0]
    assert "did you mean 'name'" in found[4]


def test_a_secret_in_the_file_is_an_error_that_does_not_repeat_it(tmp_path: Path) -> None:
    a_site(tmp_path, SHORTEST + '[provider]\nname = "postmark"\napi_key = "canary-secret"\n')

    found = problems(tmp_path)

    assert "NEWSLETTER_PROVIDER__API_KEY" in found[0]
    assert "canary-secret" not in "".join(found)


def test_a_bad_value_from_the_environment_is_named_by_its_variable(tmp_path: Path) -> None:
    found = problems(a_site(tmp_path), NEWSLETTER_PROVIDER__PORT="many")

    assert found[0].startswith("NEWSLETTER_PROVIDER__PORT: ")


def test_a_variable_of_no_section_is_a_typing_error_and_told(tmp_path: Path) -> None:
    found = problems(a_site(tmp_path), NEWSLETTER_PROVDER__NAME="smtp")

    assert found[0].startswith("NEWSLETTER_PROVDER__NAME: there is no section [provder]; there are site, sender, ")


def test_a_secret_is_not_shown_when_settings_are_printed(tmp_path: Path) -> None:
    settings = load(a_site(tmp_path), environ={"NEWSLETTER_PROVIDER__API_KEY": "canary-secret"})

    assert "canary-secret" not in repr(settings)
    assert settings.provider.api_key is not None
    assert settings.provider.api_key.get_secret_value() == "canary-secret"


def test_a_short_signing_key_is_refused(tmp_path: Path) -> None:
    found = problems(a_site(tmp_path), NEWSLETTER_SECRET_KEY="short")

    assert found == ["NEWSLETTER_SECRET_KEY: each key needs at least 32 bytes"]


def test_a_line_break_in_a_name_is_refused(tmp_path: Path) -> None:
    a_site(tmp_path, SHORTEST.replace("Example Network", "Example\\r\\nBcc: x@example.org"))

    assert "one line" in problems(tmp_path)[0]


@pytest.mark.parametrize(
    ("text", "duration"),
    [("28d", timedelta(days=28)), ("1w2d", timedelta(days=9)), ("90m", timedelta(minutes=90))],
)
def test_durations_are_written_as_people_write_them(tmp_path: Path, text: str, duration: timedelta) -> None:
    settings = load(a_site(tmp_path, SHORTEST + f'[digests.weekly]\nlookback = "{text}"\n'), environ={})

    assert settings.digests["weekly"].lookback == duration


def test_a_missing_sender_is_named(tmp_path: Path) -> None:
    assert problems(a_site(tmp_path, '[site]\nname = "A"\n')) == ["newsletter.toml: sender is missing"]


def test_every_documented_setting_exists() -> None:
    documented = (Path(__file__).parents[2] / "docs" / "settings.md").read_text("utf-8")

    for section, field in Settings.model_fields.items():
        if section in ("site", "sender", "posts", "database"):
            for name in field.annotation.model_fields:  # type: ignore[union-attr]
                assert f"`{section}.{name}`" in documented


@pytest.mark.parametrize("value", ["[50, x]", "50, 100"])
def test_a_list_in_the_environment_that_is_no_json_is_named(tmp_path: Path, value: str) -> None:
    found = problems(a_site(tmp_path), NEWSLETTER_SENDING__WARM_UP=value, NEWSLETTER_SITE__NAME="Another")

    assert found == ["NEWSLETTER_SENDING__WARM_UP: is no valid JSON"]


def test_a_list_in_dotenv_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("NEWSLETTER_SENDING__WARM_UP=[50, x]\n", "utf-8")

    assert problems(a_site(tmp_path)) == ["NEWSLETTER_SENDING__WARM_UP: is no valid JSON"]


def test_what_the_environment_says_wrongly_is_mended_there(tmp_path: Path) -> None:
    (tmp_path / "newsletter.toml").write_text('[site]\nname = "A"\n[sender]\nemail = "a@example.org"\n', "utf-8")

    with pytest.raises(BadInput) as raised:
        load(tmp_path, environ={"NEWSLETTER_PROVIDER__NAMEE": "x"})

    assert raised.value.fix == "mend these in the environment or in .env"
