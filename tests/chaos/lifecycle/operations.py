"""The steps of an upgrade, as docs/OPERATIONS.md has them."""
import re
from collections.abc import Awaitable, Callable, Mapping

from chaos.world import ROOT

Step = Callable[[], Awaitable[None]]
PAGE = ROOT / "docs/OPERATIONS.md"


def steps() -> list[str]:
    """The numbered lines of "Upgrades", each with the lines that go on with it."""
    section = PAGE.read_text().partition("\n## Upgrades\n")[2].partition("\n## ")[0]
    found = re.findall(r"^\d+\. (.*(?:\n {3}.*)*)", section, re.MULTILINE)
    return [" ".join(text.split()) for text in found]


def in_order(known: Mapping[str, Step]) -> list[Step]:
    """What does each step, by the words with which the step begins. A step that is not known,
    and a known one that is not in the page, are faults."""
    found = [next((value for words, value in known.items() if step.startswith(words)), None) for step in steps()]
    missing = [step for step, value in zip(steps(), found) if value is None]
    if missing or len(found) != len(known):
        raise RuntimeError(f"{PAGE}, Upgrades: the steps are not those that the test follows: {missing or list(known)}")
    return [value for value in found if value is not None]
