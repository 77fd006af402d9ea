"""SpamAssassin's own verdict, where it is installed: without a network, as the mail is before it travels."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found, Level

WARN, ERROR = 2.0, 5.0
"""5 is where SpamAssassin itself calls it spam."""
TIMEOUT_S = 60
MAX_BYTES = 50_000_000
"""Far over what any mailbox takes."""
# Of a mail that has not travelled yet: no relay, no signature, our own clock.
_OF_THE_WAY = re.compile(r"^(?:NO_RELAYS|NO_RECEIVED|ALL_TRUSTED|DKIM_.*|SPF_.*|DATE_IN_.*|MISSING_DATE|DMARC_.*)$")
_TABLE = re.compile(r"^---- -{10,} -{10,}$", re.MULTILINE)
_RULE = re.compile(r"^ {0,3}(-?\d+(?:\.\d+)?) ([A-Za-z]\w+) +(?:BODY: |URI: |RAW: )?(.*)$", re.MULTILINE)
"""From ten points on, scores are printed without decimals (SpamAssassin 4.0.1)."""


def find(checked: Checked) -> Iterator[Found]:
    table = _TABLE.split(_report(checked.message))
    # The mail itself stands before the table, and the table of what is spam stands twice: only the last counts.
    found = _RULE.findall(table[-1]) if len(table) > 1 else []
    rules = [(float(score), name, said) for score, name, said in found if not _OF_THE_WAY.match(name)]
    total = sum(score for score, _, _ in rules)
    if total >= WARN:
        worst = "; ".join(
            f"{said.strip()} ({name}, {score:g})" for score, name, said in sorted(rules, reverse=True)[:4]
        )
        message = f"SpamAssassin gives the mail {total:.1f} points, and {ERROR:g} is spam: {worst}"
        yield Found(checked.issue_file.path, message, "mend what it names, first the dearest", _level(total))


def _level(total: float) -> Level:
    return "error" if total >= ERROR else "warning"


def _report(message: bytes) -> str:
    """Empty where there is no SpamAssassin, or none that answers."""
    if program := shutil.which("spamassassin"):
        # It would learn from the mail, even in test mode, and judge the next one by that.
        command = [program, "--local", "--test-mode", "--nocreate-prefs", "--cf", "use_bayes 0"]
    elif program := shutil.which("spamc"):
        # It waits for a daemon that is not there, and leaves out what is larger than 500 kB, unless told.
        command = [program, "--full", "--connect-retries=1", f"--timeout={TIMEOUT_S - 5}", f"--max-size={MAX_BYTES}"]
    else:
        return ""
    try:
        done = subprocess.run(command, input=message, capture_output=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace")


CHECK = Check("spam-score", "warning", find, is_slow=True)
