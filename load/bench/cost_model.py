"""What an order costs, as a model with two figures for each cost: one an order, and one a commit, which the orders of a
group share. The fit weighs relative errors, so a lone order and one of a large group count alike."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

COSTS = ("service_us", "postgres_us", "wal_bytes")
SECONDS_A_DAY, DAYS_A_YEAR = 86400, 365


@dataclass(frozen=True)
class Point:
    """One load: commits an order, and what an order cost."""
    name: str
    commits: float
    costs: Mapping[str, float]


@dataclass(frozen=True)
class Line:
    """cost = an_order + a_commit * commits an order"""
    an_order: float
    a_commit: float

    def at(self, commits: float) -> float:
        return self.an_order + self.a_commit * commits


def fit_line(xs: Sequence[float], ys: Sequence[float]) -> Line:
    """Least squares of the relative errors."""
    weights = [1 / y ** 2 for y in ys]
    total = sum(weights)
    mean_x = sum(w * x for w, x in zip(weights, xs)) / total
    mean_y = sum(w * y for w, y in zip(weights, ys)) / total
    spread = sum(w * (x - mean_x) ** 2 for w, x in zip(weights, xs))
    slope = sum(w * (x - mean_x) * (y - mean_y) for w, x, y in zip(weights, xs, ys)) / spread
    return Line(mean_y - slope * mean_x, slope)


def fit(points: Sequence[Point]) -> dict[str, Line]:
    xs = [point.commits for point in points]
    return {cost: fit_line(xs, [point.costs[cost] for point in points]) for cost in COSTS}


def error(line: Line, point: Point, cost: str) -> float:
    """By how much of the measured cost the predicted one is too high."""
    return line.at(point.commits) / point.costs[cost] - 1


@dataclass(frozen=True)
class Assumed:
    """What a prediction takes for granted."""
    commit_s: float = 0.001  # from BEGIN to the answer of the COMMIT
    in_flight: float = 4     # groups that are committed at once
    most: float = 500        # orders of a group
    used: float = 0.6        # of a core, so that peaks find room
    cores: float = 16        # of a machine
    pool: float = 16         # connections of an ordersd to the database


@dataclass(frozen=True)
class Need:
    rate: float
    group: float
    service_cores: float
    postgres_cores: float
    services: int
    wal_gb_a_day: float
    tb_a_year: float
    mbit: float

    @property
    def postgres_machines(self) -> float:
        return self.postgres_cores / Assumed.cores


def need(lines: Mapping[str, Line], rate: float, stored_bytes: float, network_bytes: float, a: Assumed = Assumed()) -> Need:
    """For so many orders a second, all day and all year."""
    group = min(a.most, max(1.0, rate * a.commit_s / a.in_flight))
    service, postgres = (lines[cost].at(1 / group) * rate / 1e6 / a.used for cost in ("service_us", "postgres_us"))
    return Need(rate, group, service, postgres, max(2, -int(-service // a.cores)),
                lines["wal_bytes"].at(1 / group) * rate * SECONDS_A_DAY / 1e9,
                stored_bytes * rate * SECONDS_A_DAY * DAYS_A_YEAR / 1e12, network_bytes * rate * 8 / 1e6)
