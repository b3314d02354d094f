"""The faults that a schedule injects: each kind is a small class, and KINDS has them all.

A fault draws its parameters when it is made, so a seed repeats them. play.py takes the resources that the
fault `needs`, calls inject(), waits `seconds`, calls heal(), and measures from there until every replica stores orders
again.
"""
import importlib
import random
from typing import TYPE_CHECKING, Any, ClassVar

from chaos.findings import Exemption

if TYPE_CHECKING:
    from chaos.world import World

GROUPS = ("kill", "stop", "cut", "disk", "database", "failover", "machine", "crowd", "deploy")
MODULES = ("processes", "network", "disk", "database", "refusals", "failover", "machine", "abuse", "deploys")

# What a fault may need for itself. A fault of one replica needs "replica:N", the replica's index.
RESOURCES = frozenset({"primary", "standby", "balancer", "front", "back", "disk", "table", "clock", "abusive clients",
                       *(f"replica:{n}" for n in range(3))})

# What a fault may exempt: rules of the audit, as findings.py has them.
# The database stores nothing, or nothing in time. HAProxy answers 503 when no replica is ready; an ordersd that starts
# meanwhile cannot check the schema.
NOT_STORED = ("unavailable/commit_timeout", "unavailable/commit_unknown", "unavailable/database_down",
              "unavailable/queue_slow", "unavailable/balancer_503", "unavailable/starting")
# The database is well, and some statements take too long or are ended: no replica is not ready for that.
NOT_IN_TIME = ("unavailable/commit_timeout", "unavailable/commit_unknown", "unavailable/database_down")
# The database is there, and refuses every order for a reason that only a person can mend.
NOT_SERVED = NOT_STORED + ("unavailable/database_unavailable",)
# A process in front of the database was killed: requests in hand get no answer, new ones wait or are refused. A new one
# has no connection to the database in its first moments.
KILLED = ("unanswered", "late", "unavailable/dial", "unavailable/starting", "unavailable/database_down",
          "unavailable/balancer_502", "unavailable/balancer_503")
# It was asked to end.
ENDED = KILLED + ("unavailable/shutting_down",)
# Requests or answers arrived late, and ordersd may have given up a request that came too slowly.
DELAYED = ("late", "unavailable/request_timeout", "unavailable/dial")


# HAProxy asks each replica once a second, so for a moment it takes those for down that have recovered already.
BALANCER_LAG_S = 5.0


def exemption(rule: str, began: float, recovered: float, why: str) -> Exemption:
    return Exemption(rule, began, recovered + (BALANCER_LAG_S if rule.endswith("balancer_503") else 0.0), why)


class Fault:
    """One fault of a schedule. The docstring of a kind says in one line what is done."""

    kind: ClassVar[str] = ""   # as in the failure table of docs/OPERATIONS.md
    group: ClassVar[str] = ""  # one of GROUPS
    lasts: ClassVar[tuple[float, float]] = (2.0, 8.0)  # bounds of `seconds`
    exempt_rules: ClassVar[tuple[str, ...]] = ()  # rules that may be broken while it lasts and until all has recovered,
    because: ClassVar[str] = ""              # and why; as few as can be
    holds: ClassVar[bool] = False  # requests may wait on their way to ordersd, also after their clients have gone
    steps_clocks: ClassVar[bool] = False     # then every process is started with a clock of its own

    def __init__(self, rng: random.Random, replicas: int = 1) -> None:
        self.seconds = round(rng.uniform(*self.lasts), 1)  # from inject() to heal()
        self.replicas = replicas
        self.replica = rng.randrange(1 << 16) % replicas   # the index of the one that is hit, if one is
        self.params: dict[str, Any] = self.draw(rng)
        self.why = ""  # after inject() returned None: why it was not possible at that moment

    def draw(self, rng: random.Random) -> dict[str, Any]:
        """The parameters of this kind."""
        return {}

    @property
    def needs(self) -> frozenset[str]:
        """The RESOURCES that no other fault may hold at the same time."""
        return frozenset()

    def missing(self, world: "World") -> str | None:
        """Why it can never be injected here; None when it can."""
        return None

    async def inject(self, world: "World") -> str | None:
        """Does it and returns what was done, a line for the timeline; None when it is not possible now."""
        raise NotImplementedError

    async def heal(self, world: "World") -> str | None:
        """Takes it back. Always called after inject(), also if that raised or returned None. Returns why the fault had
        no effect, if it had none: then it does not count as injected."""
        return None

    def exemptions(self, began: float, recovered: float) -> list[Exemption]:
        """What the audit must not ask for because of this fault."""
        return [exemption(rule, began, recovered, f"{self.kind}: {self.because}") for rule in self.exempt_rules]

    def not_now(self, why: str) -> None:
        self.why = why

    def __str__(self) -> str:
        values = ", ".join(f"{name}={_short(value)}" for name, value in self.params.items())
        return f"{self.kind}({values}) for {self.seconds:g} s"


def _short(value: object) -> object:
    return f"{value[:3]} and {len(value) - 3} more" if isinstance(value, list) and len(value) > 4 else value


KINDS: dict[str, type[Fault]] = {}


def register(fault: type[Fault]) -> type[Fault]:
    """Class decorator: a kind that a schedule may draw."""
    if fault.group not in GROUPS or not fault.kind or fault.kind in KINDS or not fault.__doc__:
        raise ValueError(f"{fault.__name__}: it needs a kind of its own, a group and a docstring")
    KINDS[fault.kind] = fault
    return fault


def chosen(text: str) -> list[str]:
    """The kinds that a comma separated list of groups and kinds names, in a fixed order; all for an empty list."""
    wanted = {name.strip() for name in text.split(",") if name.strip()}
    unknown = wanted - set(GROUPS) - set(KINDS)
    if unknown:
        raise ValueError(f"no such fault: {', '.join(sorted(unknown))}; groups are {', '.join(GROUPS)}, "
                         f"kinds are {', '.join(sorted(KINDS))}")
    return sorted(kind for kind, fault in KINDS.items() if not wanted or {kind, fault.group} & wanted)


for _module in MODULES:
    importlib.import_module(f"chaos.faults.{_module}")
