"""The planted bugs, and what finds each of them: clients and faults that show it, and the rule of the audit it breaks.

`seed` and `seconds` are fixed: a change that keeps the audit from finding the bug in that time turns the test red."""
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from chaos.findings import Violation
from chaos.history import History

About = Callable[[Violation, History, frozenset[str]], bool]  # the last: ids of requests that the planted code named


def anything(found: Violation, history: History, named: frozenset[str]) -> bool:
    return True


def shared(found: Violation, history: History, named: frozenset[str]) -> bool:
    """Of an id that another client sent at the same time."""
    if found.account is None or found.cid is None:
        return False
    attempts = [attempt.request for attempt in history.by_id(found.account, found.cid)]
    return any(one.client != other.client and other.ended is not None and other.ended >= one.began
               and one.ended is not None and one.ended >= other.began for one in found.requests for other in attempts)


def struck(found: Violation, history: History, named: frozenset[str]) -> bool:
    """Of a request that the planted code has named."""
    return any(request.request_id in named for request in found.requests)


@dataclass(frozen=True)
class Plant:
    name: str                 # <name>.c plants it
    rule: str                 # the whole rule, as "refused/refused_by_database": this one must be broken
    faults: tuple[str, ...]   # kinds that the schedule draws from; none: it shows without a fault
    shown: str                # how
    seed: int = 1
    seconds: float = 30.0     # the bug is found within them
    settings: Mapping[str, str] = field(default_factory=dict)  # of ordersd
    about: "About" = anything  # is the finding about what the bug does? The rule alone may be broken by a busy machine


PLANTS: dict[str, Plant] = {plant.name: plant for plant in (
    Plant("acknowledged_before_commit", "lost", ("kill_ordersd", "kill_backend", "kill_primary"),
          "a single or a batch is answered 201, and ordersd or the server is killed before the commit"),
    Plant("verdict_from_first_result", "lost", ("refused_commit",),
          "the INSERT gives its rows, the commit behind it fails, and the order is answered 201"),
    Plant("content_not_compared", "changed", (),
          "clients send another order under an id that is taken, and are answered 200"),
    Plant("duplicates_dropped", "unavailable/commit_timeout", (),
          "several clients send one id at the same time, and some have no verdict at their deadline",
          settings={"ORDERS_COMMIT_TIMEOUT": "2s"}, about=shared),
    Plant("retry_under_new_ids", "replayed", ("cut_database", "terminate_backends"),
          "the answer to a commit is lost, and the order is answered 200 though nobody else has sent it"),
    Plant("not_accepted_after_send", "ghost", ("hold_database", "stop_primary"),
          "the database answers too late, the order is answered 503 not_accepted, and is stored",
          settings={"ORDERS_COMMIT_TIMEOUT": "2s"}),
    Plant("resume_lost", "unanswered", (),
          "one answer in a hundred is never sent, and ordersd gives the connection up at last", about=struck),
    Plant("timeline_not_asked", "lost", ("old_primary_back",),
          "ordersd goes back to the primary that was replaced, and what that one commits is lost"),
    Plant("server_limit_as_422", "refused/refused_by_database", ("server_limit",),
          "the server is at a limit of its own (54000), and the order is refused for good"),
)}
