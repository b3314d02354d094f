"""The figures as a table for docs/BENCHMARKS.md."""
import statistics
from collections import Counter
from collections.abc import Sequence

from promotions.course import Result
from promotions.ways import Way

HEAD = ("| primary lost, standby, names | promotions | first 201 after the loss, s: median, worst | of that, until promoted | "
        "requests | failed, and why | lost | acknowledged by the old primary after the promotion (on that one only, in all) |\n|---|---|---|---|---|---|---|---|")


def total(counts: Sequence[Counter[str]]) -> Counter[str]:
    return sum(counts, Counter())


def row(way: Way, results: Sequence[Result]) -> str:
    stored, promoted = [r.stored_s for r in results], [r.promoted_s for r in results]
    failed = total([r.failed for r in results])
    why = ", ".join(f"{count} x {name}" for name, count in failed.most_common())
    return (f"| {way} | {len(results)} | {statistics.median(stored):.2f}, {max(stored):.2f} | "
            f"{statistics.median(promoted):.2f}, {max(promoted):.2f} | {sum(r.requests for r in results):,} | "
            f"{sum(failed.values())}{': ' + why if why else ''} | {sum(r.lost for r in results)} | "
            f"{sum(r.old_acked for r in results)} ({sum(r.old_only for r in results)}) |")


def broken(way: Way, results: Sequence[Result]) -> list[str]:
    """What no failover may do."""
    found = [f"{way}: {count} x {rule}" for rule, count in total([r.broken for r in results]).items()]
    if way.standby == "synchronous" and (lost := sum(r.lost for r in results)):
        found.append(f"{way}: {lost} acknowledged orders are lost, with a synchronous standby")
    if kept := sum(r.old_acked for r in results):
        found.append(f"{way}: {kept} orders were acknowledged by the old primary after the promotion")
    return found
