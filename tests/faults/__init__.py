"""What must hold whatever breaks. The short form runs with all tests; `make faults` runs the long one."""

import os

IS_LONG = os.environ.get("NEWSLETTER_FAULTS") == "long"
