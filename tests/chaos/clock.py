"""Seconds since the run began, which is the time of every record and every line of a timeline.

The monotonic clock: no fault steps it, and the machine's wall clock may be corrected while a run lasts."""
import time

_began = time.monotonic()


def restart() -> None:
    global _began
    _began = time.monotonic()


def now() -> float:
    return time.monotonic() - _began
