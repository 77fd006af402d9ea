"""What would embarrass us, found before anyone else sees it: one check a file, each with its source.

`registry.py` finds them, `checked.py` is what they look at. Rules and figures: docs/checking.md.
"""
