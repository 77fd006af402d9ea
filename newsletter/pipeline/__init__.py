"""The verbs, in the order that the data takes: posts → issue → email → deliveries.

    collect   the posts folder as it is now, every post under its lasting identity
    build     the draft of an issue: chosen posts into issue.md, an editor's work kept
    check     what would embarrass us, found in the draft or in what was approved
    approve   the issue rendered with its pictures and frozen, its posts used up
    send      the audience frozen, every recipient mailed once
    status    how each issue stands

The stages know nothing of each other; only this package knows the order.
"""
