"""The exit codes of scripts/chaos and of its commands; `scripts/chaos --help` tells them."""
KEPT = 0             # every promise was kept; of a planted bug: it was found
BROKEN = 1           # a promise was broken; of a planted bug: it was not found
USAGE = 2            # the command line is wrong
HARNESS_FAILED = 3
NOTHING_TESTED = 77  # no fault could be injected, or what the test needs is not here
INTERRUPTED = 130
