"""The faults that a schedule injects: each kind is a small class, and KINDS has them all.

A fault draws its parameters when it is made, so a seed repeats them. run.py takes what the fault `needs`, calls
inject(), waits `seconds`, calls heal(), and measures from there until every replica stores orders again.
"""
import importlib
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from chaos.audit import Exemption

if TYPE_CHECKING:
    from chaos.world import World

GROUPS = ("kill", "stop", "cut", "disk", "database", "failover", "machine", "crowd", "deploy")
MODULES: tuple[str, ...] = ()

# Rules of the audit from which a fault may exempt.
LATE = "late"                # a request that had no answer within its bound
UNAVAILABLE = "unavailable"  # database_unavailable although no fault explains it
STALE_READ = "stale_read"    # a GET that does not show what was acknowledged before it began
PHANTOM_READ = "phantom_read"  # a GET that shows an order that is not in the table at the end
STAMP = "stamp"              # a received_at outside of the time of the requests


class Fault:
    """One fault of a schedule. The docstring of a kind says in one line what is done."""

    kind: ClassVar[str] = ""   # as in the failure table of docs/OPERATIONS.md
    group: ClassVar[str] = ""  # one of GROUPS
    lasts: ClassVar[tuple[float, float]] = (2.0, 8.0)  # bounds of `seconds`

    def __init__(self, rng: random.Random, replicas: int = 1) -> None:
        self.seconds = round(rng.uniform(*self.lasts), 1)  # from inject() to heal()
        self.replica = rng.randrange(1 << 16) % replicas   # the index of the one that is hit, if one is
        self.params: dict[str, Any] = self.draw(rng)
        self.why = ""  # after inject() returned None: why it was not possible at that moment

    def draw(self, rng: random.Random) -> dict[str, Any]:
        """The parameters of this kind."""
        return {}

    @property
    def needs(self) -> frozenset[str]:
        """What no other fault may hold at the same time."""
        return frozenset()

    def missing(self, world: "World") -> str | None:
        """Why it can never be injected here; None when it can."""
        return None

    async def inject(self, world: "World") -> str | None:
        """Does it and returns what was done, a line for the timeline; None when it is not possible now."""
        raise NotImplementedError

    async def heal(self, world: "World") -> None:
        """Takes it back. Also called when inject() has failed half way."""

    def exempts(self, began: float, healed: float) -> list[Exemption]:
        """What the audit must not ask for because of this fault; `healed` is when the recovery was complete."""
        return []

    def not_now(self, why: str) -> None:
        self.why = why

    def __str__(self) -> str:
        values = ", ".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.kind}({values}) for {self.seconds:g} s"


KINDS: dict[str, type[Fault]] = {}


def register(fault: type[Fault]) -> type[Fault]:
    """Class decorator: a kind that a schedule may draw."""
    if fault.group not in GROUPS or not fault.kind or fault.kind in KINDS or not fault.__doc__:
        raise ValueError(f"{fault.__name__}: it needs a kind of its own, a group and a docstring")
    KINDS[fault.kind] = fault
    return fault


def chosen(words: str) -> list[str]:
    """The kinds that a comma separated list of groups and kinds names, in a fixed order; all for an empty list."""
    wanted = {word.strip() for word in words.split(",") if word.strip()}
    unknown = wanted - set(GROUPS) - set(KINDS)
    if unknown:
        raise ValueError(f"no such fault: {', '.join(sorted(unknown))}; groups are {', '.join(GROUPS)}, "
                         f"kinds are {', '.join(sorted(KINDS))}")
    return sorted(kind for kind, fault in KINDS.items() if not wanted or {kind, fault.group} & wanted)


def exempt(rule: str, why: str) -> Callable[[float, float], list[Exemption]]:
    """For a fault with one exemption, over its whole time."""
    return lambda began, healed: [Exemption(rule, began, healed, why)]


for _module in MODULES:
    importlib.import_module(f"chaos.faults.{_module}")
