"""A mail that is larger than a provider takes: said before the night of sending."""

from __future__ import annotations

from newsletter.errors import Unsupported


def refuse_larger(size_bytes: int, limit_bytes: int, provider: str) -> None:
    """Raises `Unsupported` where the mail, without what is each reader's own, is too large for the provider."""
    if size_bytes > limit_bytes:
        raise Unsupported(
            f"the mail has {size_bytes / 1e6:.1f} MB, and {provider} takes {limit_bytes / 1e6:.0f} MB",
            fix='lower images.max_total_kb, or set images = "hosted" for the digest',
        )
