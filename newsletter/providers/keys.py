"""A provider's keys and other settings, judged together: one error names everything that is missing or impossible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import SecretStr

from newsletter.errors import BadInput, Place
from newsletter.settings import Settings

ENV_PREFIX = "NEWSLETTER_PROVIDER__"


def keys_of(
    settings: Settings, provider: str, wanted: Mapping[str, str], *, where: str, places: Iterable[Place] = ()
) -> list[str]:
    """The secrets that `wanted` names (setting → what the provider calls it), in that order.

    `where` says where a person finds them; `places` is what else is wrong with the settings.
    """
    keys = {name: _plain(getattr(settings.provider, name)) for name in wanted}
    missing = [Place(ENV_PREFIX + name.upper(), f"{wanted[name]} {problem}") for name, problem in _problems(keys)]
    others = list(places)
    if missing or others:
        copy = [f"copy {'it' if len(wanted) == 1 else 'them'} {where} into .env"] if missing else []
        mend = ["mend what stands under [provider] in newsletter.toml"] if others else []
        raise BadInput(f"{provider} cannot be used:", places=[*missing, *others], fix="; ".join([*copy, *mend]))
    return list(keys.values())


def region_place(region: str, known: Iterable[str]) -> list[Place]:
    """What is wrong with `provider.region`, if anything."""
    known = list(known)
    return [] if not region or region in known else [Place("provider.region", f"{' or '.join(known)}, or empty")]


def unused(settings: Settings, provider: str, *names: str) -> list[Place]:
    """Which of these settings are given though this provider has no use for them: an option must not do nothing."""
    given = [name for name in names if getattr(settings.provider, name)]
    return [Place(f"provider.{name}", f"{provider} has no use for it; take it away") for name in given]


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value().strip() if secret else ""


def _problems(keys: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    for name, key in keys.items():
        if not key:
            yield name, "is missing"
        elif not key.isascii() or not key.isprintable() or " " in key:
            yield name, "is no key: it has spaces or characters that no key has"
