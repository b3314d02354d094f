"""A broken promise, and the times in which a fault exempts one."""
from collections.abc import Sequence
from dataclasses import dataclass, field

from chaos.history import Key, Request

# Every rule, under the file that finds it broken.
RULES = {
    # audit_ids.py
    "lost": "an order that was acknowledged, or said to be there, is not in the table",
    "changed": "an order is in the table with another content, order_id or time than was acknowledged",
    "doubled": "an id, or an order_id, is in the table more than once",
    "created_twice": "an id was answered 201 twice, or answered 201 when it had been there before",
    "ghost": "an order is in the table, and no request can have written it",
    "stamp": "an order is in the table, and was received when no request that can have written it was on its way",
    "replayed": "an order was answered 200, and nobody else had sent it",
    "reused": "an id was said to be taken by another order, and is not",
    "unfit": "an order that breaks a rule was acknowledged",
    "stale_read": "a GET did not find what had been acknowledged before it began",
    "phantom_read": "a GET found an order that is not in the table",
    "wrong_read": "a GET showed an order as nobody had sent it",
    # audit_requests.py
    "refused": "an order that breaks no rule was refused for good",
    "internal": "internal_error was answered",
    "atomic": "an atomic batch was stored or answered in part",
    "torn_read": "a GET found a part of an atomic batch",
    "garbled": "an answer has not the form that the contract promises",
    "late": "a request was not answered in time, and its connection was whole",
    "unanswered": "a connection ended without the answer to its request",
    "unavailable": "a request was rejected, or left in doubt, and no fault explains it",
    # audit.py
    "unresolved": "an order could not be resolved after every fault was healed",
    # run.py and lifecycle/soak.py
    "ended": "a process of ordersd ended by itself",
    # rest.py; rest/ready and rest/recovery: run.py and lifecycle/soak.py
    "rest": "something did not return to where it was before the load",
    # rest.py
    "counts": "metrics do not agree with what the clients counted",
}


# The promises. No fault exempts any of these. What is left is about availability, about a GET of an old primary, and
# about the clock of ordersd (stamp, unfit, and two codes of refused). docs/RELIABILITY.md says so.
NEVER_EXEMPT = frozenset(("lost", "changed", "doubled", "created_twice", "ghost", "replayed", "reused", "internal",
                          "atomic", "phantom_read", "wrong_read", "torn_read", "garbled", "unresolved", "ended",
                          "rest", "counts"))
BY_THE_CLOCK = ("stamp", "unfit", "refused/stale_order", "refused/in_the_future")


@dataclass(frozen=True)
class Exemption:
    """Of a rule, or of all rules below it: "unavailable" is for "unavailable/queue_slow" too."""
    rule: str
    from_s: float
    until_s: float
    why: str
    replica: str | None = None  # then only of requests that this replica has answered, or nobody

    def __post_init__(self) -> None:
        rule = self.rule.partition("/")[0]
        if rule in NEVER_EXEMPT or rule not in RULES or self.rule == "refused":
            raise ValueError(f"nothing exempts {self.rule}")


@dataclass
class Violation:
    rule: str
    at: float  # when the wrong answer came, or the wrong row was written
    account: str | None
    cid: str | None
    text: str
    requests: list[Request] = field(default_factory=list)
    since: float = 0.0  # a fault between `since` and `at` may exempt it


def violation(rule: str, at: float, text: str, key: Key | None = None, requests: Sequence[Request] = (),
              since: float | None = None) -> Violation:
    if rule.partition("/")[0] not in RULES:
        raise ValueError(f"no such rule: {rule}")
    account, cid = key if key else (None, None)
    if since is None:
        since = min([request.began for request in requests], default=at)
    return Violation(rule, at, account, cid, text, list(requests), min(since, at))
