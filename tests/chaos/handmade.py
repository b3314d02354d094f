"""Histories made by hand, for the tests of the audit: each line of a test is a request."""
from itertools import count

from chaos.audit import audit
from chaos.findings import Exemption, Violation
from chaos.history import (ANSWERED, CREATED, DEADLINE, FOUND, REPLAYED, Content, History, Request, Sent, Span,
                           Verdict)
from chaos.orders import Row, Rows

EPOCH = 1_790_000_000.0
ID, OTHER_ID = "01a2097c-351c-7786-b9b4-6445788ae8c4", "01a2097c-351c-7786-b9b4-6445788ae8c5"
A = Content("ACME", "buy", "limit", "10", "12.5", None, "day", None)
B = A._replace(side="sell")
STATUS = {CREATED: 201, REPLAYED: 200, "reused": 422, "not_accepted": 503, "refused": 422, FOUND: 200, "absent": 404}
AVAILABILITY = ("unavailable", "late", "unanswered")
CODE = {"reused": "client_order_id_reused", "not_accepted": "queue_slow"}

_numbers = count(1)


def order(cid: str = "1", content: Content | None = A, expect: str = "", expires: float | None = None) -> Sent:
    return Sent("acc", cid, content, expect=expect, expires=expires)


def said(outcome: str, order_id: str | None = None, **members: object) -> Verdict:
    members.setdefault("status", STATUS.get(outcome))
    members.setdefault("code", CODE.get(outcome))
    if order_id is None and outcome in (CREATED, REPLAYED, FOUND, "reused"):
        order_id = ID
    return Verdict(outcome, order_id, **members)


def request(began: float, ended: float | None, kind: str, sent: list[Sent], verdicts: list[Verdict],
            **members: object) -> Request:
    n = next(_numbers)
    members.setdefault("end", "open" if ended is None else ANSWERED if verdicts[0].status else DEADLINE)
    sent = [Sent(s.account, s.cid, s.content, slot, s.expect, s.expires) for slot, s in enumerate(sent)]
    return Request(n, "c", kind, began, ended, status=verdicts[0].status if verdicts else None, sent=sent,
                   verdicts=verdicts, request_id=f"chaos-{n}", **members)


def post(began: float, ended: float | None, outcome: str = "", content: Content = A, cid: str = "1",
         order_id: str | None = None, expect: str = "", expires: float | None = None, end: str | None = None,
         **verdict: object) -> Request:
    """A single order. Without an end it is open."""
    verdicts = [] if ended is None else [said(outcome, order_id, **verdict)]
    members = {} if end is None else {"end": end}
    return request(began, ended, "single", [order(cid, content, expect, expires)], verdicts, **members)


def get(began: float, ended: float, outcome: str, content: Content | None = A, cid: str = "1",
        order_id: str | None = None, received: float = 1.5, **verdict: object) -> Request:
    if outcome == FOUND:
        verdict |= {"content": content, "received_at": EPOCH + received}
    return request(began, ended, "get", [order(cid, None)], [said(outcome, order_id, **verdict)])


def batch(kind: str, began: float, ended: float | None, *orders: tuple[Sent, Verdict | None]) -> Request:
    verdicts = [] if ended is None else [verdict for _, verdict in orders]
    return request(began, ended, kind, [sent for sent, _ in orders], verdicts)


def row(cid: str = "1", content: Content = A, order_id: str = ID, at: float = 1.5, copies: int = 1) -> Rows:
    return {("acc", cid): Row(order_id, content, EPOCH + at, copies)}


def found(rows: Rows, *requests: Request, at: float | None = None, exempt: tuple[Exemption, ...] = (),
          holds: tuple[Span, ...] = ()) -> list[Violation]:
    history = History.of(requests, EPOCH)
    history.holds = list(holds)
    return audit(history, rows, exempt, at)


def rules(rows: Rows, *requests: Request, **more: object) -> list[str]:
    return sorted({v.rule for v in found(rows, *requests, **more)})


def promises(rows: Rows, *requests: Request, **more: object) -> list[str]:
    """The rules that are not about availability: what is said of refusals, waiting and lost connections is left out."""
    return [rule for rule in rules(rows, *requests, **more) if rule.partition("/")[0] not in AVAILABILITY]
