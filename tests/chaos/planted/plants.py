"""The planted bugs, and what finds each of them: clients and faults that show it, and the rule of the audit it breaks.

`seed` and `seconds` are fixed: a change that keeps the audit from finding the bug in that time turns the test red."""
from dataclasses import dataclass, field
from typing import Mapping


@dataclass(frozen=True)
class Plant:
    name: str                 # <name>.c plants it
    rule: str                 # of findings.RULES: this one must be broken, whatever else is
    faults: tuple[str, ...]   # kinds that the schedule draws from; none: it shows without a fault
    shown: str                # how
    seed: int = 1
    seconds: float = 30.0     # the bug is found within them
    settings: Mapping[str, str] = field(default_factory=dict)  # of ordersd


PLANTS: dict[str, Plant] = {plant.name: plant for plant in (
    Plant("acknowledged_before_commit", "lost", ("kill_ordersd", "kill_backend", "kill_primary"),
          "a single or a batch is answered 201, and ordersd or the server is killed before the commit"),
    Plant("verdict_from_first_result", "lost", ("refused_commit",),
          "the INSERT gives its rows, the commit behind it fails, and the order is answered 201"),
    Plant("content_not_compared", "changed", (),
          "clients send another order under an id that is taken, and are answered 200"),
    Plant("duplicates_dropped", "unavailable", (),
          "several clients send one id at the same time, and some have no verdict at their deadline",
          settings={"ORDERS_COMMIT_TIMEOUT": "2s"}),
    Plant("retry_under_new_ids", "replayed", ("cut_database", "terminate_backends"),
          "the answer to a commit is lost, and the order is answered 200 though nobody else has sent it"),
    Plant("not_accepted_after_send", "ghost", ("hold_database", "stop_primary"),
          "the database answers too late, the order is answered 503 not_accepted, and is stored",
          settings={"ORDERS_COMMIT_TIMEOUT": "2s"}),
    Plant("resume_lost", "unanswered", (),
          "one answer in a hundred is never sent, and ordersd gives the connection up at last"),
    Plant("timeline_not_asked", "lost", ("old_primary_back",),
          "ordersd goes back to the primary that was replaced, and what that one commits is lost"),
    Plant("server_limit_as_422", "refused", ("server_limit",),
          "the server is at a limit of its own (54000), and the order is refused for good"),
)}
