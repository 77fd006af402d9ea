"""The verbs, in the order that the data takes: posts → issue → email → deliveries.

    collect   the posts folder as it is now, every post under its lasting identity
    build     the draft of an issue: chosen posts into issue.md, an editor's work kept
    render    the issue as an email, merge fields open
    approve   the email frozen, its posts used up
    send      the audience frozen, every recipient mailed once
    status    how each issue stands

The stages know nothing of each other; only this package knows the order.
"""
