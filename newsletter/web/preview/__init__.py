"""The editor's desk: one local page on which an issue is seen, shaped, tested, approved and watched."""
