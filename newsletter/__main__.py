"""`python -m newsletter`: the same as the command `newsletter`."""

from newsletter.cli.main import main

main()
