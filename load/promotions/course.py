"""One promotion: load begins, the primary is lost, the standby is promoted, load goes on, and answers are compared with the table."""
import asyncio
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, field

from chaos import clock, wait
from chaos.audit import compare
from chaos.findings import NEVER_EXEMPT
from chaos.history import CREATED, History, Key, Request
from chaos.orders import Rows
from chaos.postgres import Postgres
from promotions.load import Load
from promotions.stage import Stage

BEFORE_S, AFTER_S = 2.0, 2.0
OLD_GOES_ON_S = 2.0
STORES_S = 120.0  # by then an order is stored again


@dataclass
class Result:
    promoted_s: float  # from the loss until the standby was the primary
    stored_s: float    # from the loss until the first 201 by the new primary
    requests: int
    failed: Counter[str]  # by status and code
    lost: int
    broken: Counter[str] = field(default_factory=Counter)  # other promises, by rule
    old_only: int = 0      # orders that the old primary has and the new one has not
    old_acked: int = 0     # those of them that were acknowledged after the promotion


async def promote_once(stage: Stage, n: int, rate: float) -> Result:
    await stage.primary.sql("TRUNCATE orders")
    history = History.starting()
    load = Load(history, f"round-{n}", stage.service.port, rate)
    try:
        await asyncio.sleep(BEFORE_S)
        old, lost_at = stage.primary, clock.now()
        gone_at = await _lose(stage, old)
        await stage.standby.promote()
        stage.swap()
        stage.point_name()
        promoted_at = clock.now()
        back = asyncio.create_task(_bring_back(stage))
        first = await wait.until(lambda: _first_stored(history, gone_at), STORES_S, "an order is stored", 0.02)
        await asyncio.sleep(AFTER_S)
        left_behind = await _old_goes_on(stage, old)
        await back
    finally:
        await load.stop()
    rows = await stage.rows_of(stage.primary)
    result = _judge(history, rows, promoted_at - lost_at, first - lost_at)
    _judge_old(result, history, left_behind.keys() - rows.keys(), promoted_at)
    if stage.way.loss != "demoted":
        await stage.attach_standby()
    return result


async def _lose(stage: Stage, old: Postgres) -> float:
    """Returns when the old primary had stored its last order."""
    if stage.way.loss == "killed":
        old.kill()
        await old.stop("immediate")
    elif stage.way.loss == "hung":
        old.pause()
    else:
        await old.stop("fast")
    return clock.now()


async def _bring_back(stage: Stage) -> None:
    if stage.way.loss == "demoted":
        await stage.attach_standby()


async def _old_goes_on(stage: Stage, old: Postgres) -> Rows:
    """The hung primary goes on for a while, and returns what it has then."""
    if stage.way.loss != "hung":
        return {}
    old.resume()
    await asyncio.sleep(OLD_GOES_ON_S)
    rows = await stage.rows_of(old)
    await old.stop("immediate")
    return rows


def _first_stored(history: History, gone_at: float) -> float | None:
    """Of orders that were sent when the old primary could store none any more: the answer to an older one may be its last."""
    return min((request.ended for request in history.requests if request.status == 201 and request.began > gone_at), default=None)


def _why(request: Request) -> str:
    return f"{request.status} {request.code}" if request.status else f"no answer ({request.end})"


def _judge(history: History, rows: Rows, promoted_s: float, stored_s: float) -> Result:
    failed = Counter(_why(request) for request in history.requests if request.status not in (200, 201))
    found = Counter(violation.rule for violation in compare(history, rows)[0] if violation.rule in NEVER_EXEMPT)
    lost = found.pop("lost", 0)
    return Result(promoted_s, stored_s, len(history.requests), failed, lost, found)


def _judge_old(result: Result, history: History, only: Set[Key], promoted_at: float) -> None:
    """An order that the old primary acknowledged before, and that the standby had not, is lost, and no fault of this kind."""
    acked = {request.sent[0].key for request in history.requests
             if request.ended > promoted_at and request.verdicts[0].outcome == CREATED}
    result.old_only, result.old_acked = len(only), len(only & acked)
