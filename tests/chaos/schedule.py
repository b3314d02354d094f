"""Which fault comes when: a pure function of seed, length, kinds and the number of replicas.

Kinds are drawn from a bag that is refilled when it is empty, so a run has each kind as often as any other, and a few
runs have had all of them. Some faults come in bursts, so that the second meets the first."""
import random
from collections.abc import Sequence
from dataclasses import dataclass

from chaos.faults import KINDS, Fault

FIRST_S = 3.0   # the clients have begun
CALM_S = 6.0    # before the end no fault begins
BURST = 0.3     # the share of faults that follow at once on another
GAP_S = (2.5, 7.0)
BURST_GAP_S = (0.1, 1.0)


@dataclass(frozen=True)
class Planned:
    at: float  # seconds since the clients began
    fault: Fault


def replicas_of(seed: int | str) -> int:
    return random.Random(f"{seed}/replicas").choice((1, 3))


def keeps_socket(seed: int | str) -> bool:
    """Does the listening socket outlive each process, as a socket unit of systemd has it?"""
    return random.Random(f"{seed}/socket").random() < 0.7


def draw(seed: int | str, seconds: float, kinds: Sequence[str], replicas: int) -> list[Planned]:
    rng = random.Random(f"{seed}/schedule")
    planned: list[Planned] = []
    bag: list[str] = []
    at = FIRST_S
    while kinds and at < seconds - CALM_S:
        if not bag:
            bag = sorted(kinds)
            rng.shuffle(bag)
        fault = KINDS[bag.pop()](random.Random(rng.getrandbits(64)), replicas)
        fault.seconds = min(fault.seconds, max(1.0, seconds - CALM_S / 2 - at))
        planned.append(Planned(round(at, 2), fault))
        at += rng.uniform(*(BURST_GAP_S if rng.random() < BURST else GAP_S))
    return planned


def describe(planned: Sequence[Planned]) -> str:
    return "\n".join(f"{p.at:7.1f} s  {p.fault}" for p in planned)
