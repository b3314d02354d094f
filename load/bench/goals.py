"""The goals of docs/DESIGN.md, computed from what a run has measured. A goal whose scenarios were not measured is left out."""
import math
import statistics
from collections.abc import Callable, Sequence

from bench.clients import Figures
from bench.figures import Row

ADAPTIVE = ("singles", "commit-1", "commit-5", "network-1", "standby-5", "change")


def _figures(found: Sequence[Row], scenario: str, system: str = "ordersd") -> Figures | None:
    return next((one["figures"] for one in found if (one["scenario"], one["system"]) == (scenario, system)), None)


def _ratio(found: Sequence[Row], scenario: str, system: str) -> float | None:
    return next((one["ratio"] for one in found if (one["scenario"], one["system"]) == (scenario, system)), None)


def _cost(found: Sequence[Row], scenario: str) -> float | None:
    """Processor time an order of service and PostgreSQL, against the batched Go service."""
    ours, theirs = _figures(found, scenario), _figures(found, scenario, "go-batched")
    if not ours or not theirs:
        return None
    return (ours["ordersd_us"] + ours["postgres_us"]) / (theirs["ordersd_us"] + theirs["postgres_us"])


def _adaptive(found: Sequence[Row]) -> list[float]:
    """Orders a second against the best fixed number of workers, in every case."""
    return [one["ratio"] for one in found
            if one["system"] == "fixed" and one["ratio"] and one["scenario"].startswith(ADAPTIVE)]


def _geometric(values: Sequence[float]) -> float | None:
    return math.exp(statistics.mean(map(math.log, values))) if values else None


def _of(figures: Figures | None, value: Callable[[Figures], float]) -> float | None:
    return value(figures) if figures else None


def goals(found: Sequence[Row]) -> list[tuple[str, str, str, str]]:
    """Rows: what, the measured value, what it must be, what is wanted."""
    lone, bare = _figures(found, "lone"), _figures(found, "lone", "bare-1")
    half = _figures(found, "half-rate")
    cases = _adaptive(found)
    rows: list[tuple[str, float | None, str, str]] = []
    for connections, least in ((16, "1.3"), (64, "1.3"), (256, "1.2")):
        name = f"singles-{connections}"
        rows += [(f"orders a second at {connections} connections, against go-batched", _ratio(found, name, "go-batched"), least, "1.6"),
                 (f"processor time an order at {connections}, against the same", _cost(found, name), "0.75", "0.55")]
    rows += [
        (f"adaptive against the best fixed number of workers, geometric mean of {len(cases)} cases", _geometric(cases), "0.95", "1.0"),
        ("the same, worst case", min(cases, default=None), "0.85", "0.95"),
        ("median of a lone client, against one bare loop", lone["p50_ms"] / bare["p50_ms"] if lone and bare else None, "1.25", "1.1"),
        ("p99 of singles beside batches of 5,000, against the time of a group there",
         _of(_figures(found, "beside-batch"), lambda f: f["p99_ms"] / f["group_ms"]), "3", "1.5"),
        ("batches of 500, against one bare loop with groups of 500", _ratio(found, "batch-500", "bare-500"), "0.95", "1.0"),
        ("orders stored at twice the maximum, against the maximum", _of(_figures(found, "overload"), lambda f: f["of_most"]), "0.95", "0.98"),
        ("p99 at half of the maximum, against the median of a lone client", half["p99_ms"] / lone["p50_ms"] if half and lone else None, "8", "4"),
        ("MiB at 1,000 connections", _of(_figures(found, "singles-1000"), lambda f: f["memory_mib"]), "32", "20")]
    return [(what, f"{value:.2f}", must, wanted) for what, value, must, wanted in rows if value is not None]
