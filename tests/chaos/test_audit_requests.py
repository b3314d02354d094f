"""Each rule about one request has a history that breaks it, and histories that look so and break nothing."""
import unittest

from chaos.audit import compare, unresolved
from chaos.findings import Exemption, violation
from chaos.handmade import A, B, EPOCH, ID, OTHER_ID, batch, found, get, order, post, request, row, rules, said
from chaos.history import History

MATE = said("not_accepted", status=424, code="batch_refused")
REUSED_HERE = said("reused", differing=("side",))


def bounded(one, bound=10.0):
    one.bound = bound
    return one


class Time(unittest.TestCase):
    def test_in_time(self):
        self.assertEqual(rules(row(at=11), bounded(post(1, 11, "created"))), [])

    def test_too_late(self):
        self.assertEqual(rules(row(at=11), bounded(post(1, 11.1, "created"))), ["late"])

    def test_never(self):
        """Whatever was told to nobody: a verdict that was dropped, an answer that did not leave."""
        self.assertEqual(rules({}, bounded(post(1, 14, "unknown", end="deadline"))), ["late"])

    def test_open_for_too_long_at_a_checkpoint(self):
        self.assertEqual(rules({}, bounded(post(1, None)), at=11.5), ["late"])
        self.assertEqual(rules({}, bounded(post(1, None)), at=10.5), [])

    def test_open_at_the_end(self):
        self.assertEqual(rules({}, bounded(post(1, None))), ["late"])

    def test_a_client_that_gave_up_waited_for_nothing(self):
        self.assertEqual(rules({}, bounded(post(1, 14, "unknown", end="gave_up"))), [])

    def test_what_is_exempted_is_counted(self):
        late = bounded(post(1, 14, "unknown", end="deadline"))
        exemptions = (Exemption("late", 13, 20, "paused"), Exemption("late", 0, 20, "slow"))
        self.assertEqual(compare(History.of([late], EPOCH), {}, exemptions), ([], {("late", "paused"): 1}))

    def test_a_fault_between_the_two_ends_exempts_it(self):
        late = bounded(post(1, 14, "unknown", end="deadline"))
        self.assertEqual(rules({}, late, exempt=(Exemption("late", 13, 20, "paused"),)), [])
        self.assertEqual(rules({}, late, exempt=(Exemption("late", 0, 1.5, "paused"),)), [])
        self.assertEqual(rules({}, late, exempt=(Exemption("late", 14.1, 20, "paused"),)), ["late"])
        self.assertEqual(rules({}, late, exempt=(Exemption("late", 0, 0.9, "paused"),)), ["late"])
        self.assertEqual(rules({}, late, exempt=(Exemption("unanswered", 0, 20, "cut"),)), ["late"])


class Connections(unittest.TestCase):
    def test_ended_without_an_answer(self):
        self.assertEqual(rules({}, post(1, 2, "unknown", end="closed")), ["unanswered"])

    def test_could_not_be_made(self):
        self.assertEqual(rules({}, post(1, 2, "unsent", end="dial")), ["unavailable/dial"])
        killed = Exemption("unavailable", 0, 3, "killed")
        self.assertEqual(rules({}, post(1, 2, "unsent", end="dial"), exempt=(killed,)), [])


class Refusals(unittest.TestCase):
    def test_of_a_valid_order(self):
        """A limit of the server is no fault of the order."""
        refused = post(1, 2, "refused", code="refused_by_database")
        self.assertEqual(rules({}, refused), ["refused/refused_by_database"])

    def test_of_an_invalid_order(self):
        self.assertEqual(rules({}, post(1, 2, "refused", expect="invalid_order", code="invalid_order")), [])

    def test_of_an_invalid_order_for_another_reason(self):
        refused = post(1, 2, "refused", expect="invalid_order", code="refused_by_database")
        self.assertEqual(rules({}, refused), ["refused/refused_by_database"])

    def test_of_an_order_that_was_too_old(self):
        self.assertEqual(rules({}, post(1, 4, "refused", expect="stale_order", expires=3, code="stale_order")), [])

    def test_of_an_order_that_was_not_too_old_yet(self):
        refused = post(1, 2, "refused", expect="stale_order", expires=3, code="stale_order")
        self.assertEqual(rules({}, refused), ["refused/stale_order"])

    def test_of_an_order_that_ordersd_thinks_not_sent_yet(self):
        refused = post(1, 2, "refused", expect="stale_order", expires=3, code="invalid_order")
        self.assertEqual(rules({}, refused), ["refused/in_the_future"])
        self.assertEqual(rules({}, post(1, 2, "refused", code="invalid_order")), ["refused/invalid_order"])

    def test_an_exemption_of_one_code_is_none_of_another(self):
        refused, rule = post(1, 2, "refused", code="refused_by_database"), "refused/refused_by_database"
        self.assertEqual(rules({}, refused, exempt=(Exemption("refused/stale_order", 0, 9, "clock"),)), [rule])
        self.assertEqual(rules({}, refused, exempt=(Exemption(rule, 0, 9, "trigger"),)), [])

    def test_an_exemption_of_one_replica_is_none_of_another(self):
        refused = post(1, 2, "refused", expect="stale_order", expires=3, code="stale_order")
        for replica, wanted in (("replica-0", []), ("replica-1", ["refused/stale_order"])):
            refused.replica = replica
            clock = Exemption("refused/stale_order", 0, 9, "clock", "replica-0")
            self.assertEqual(rules({}, refused, exempt=(clock,)), wanted)

    def test_a_stamp_is_of_the_replica_that_answered_201(self):
        created, other = post(1, 2, "created"), post(3, 4, "replayed")
        created.replica, other.replica = "replica-1", "replica-0"
        clock = Exemption("stamp", 0, 99, "clock", "replica-0")
        self.assertEqual(rules(row(at=50), created, other, exempt=(clock,)), ["stamp"])
        created.replica = "replica-0"
        self.assertEqual(rules(row(at=50), created, other, exempt=(clock,)), [])

    def test_internal_error_whatever_its_outcome(self):
        self.assertEqual(rules({}, post(1, 2, "refused", status=500, code="internal_error")), ["internal"])
        self.assertEqual(rules({}, post(1, 2, "unknown", status=500, code="internal_error")), ["internal"])
        self.assertEqual(rules({}, get(1, 2, "failed", status=500, code="internal_error")), ["internal"])

    def test_for_now_needs_a_reason(self):
        away = post(1, 2, "not_accepted", code="database_down")
        self.assertEqual(rules({}, away), ["unavailable/database_down"])
        self.assertEqual(rules({}, away, exempt=(Exemption("unavailable", 0, 3, "down"),)), [])
        slow = Exemption("unavailable/queue_slow", 0, 3, "slow")
        self.assertEqual(rules({}, away, exempt=(slow,)), ["unavailable/database_down"])

    def test_a_doubt_needs_a_reason(self):
        doubt = post(1, 2, "unknown", status=504, code="commit_unknown")
        self.assertEqual(rules({}, doubt), ["unavailable/commit_unknown"])

    def test_of_a_lookup(self):
        failed = get(1, 2, "failed", status=503, code="database_down")
        self.assertEqual(rules({}, failed), ["unavailable/database_down"])

    def test_a_batch_tells_each_reason_once(self):
        no = said("not_accepted")
        self.assertEqual(len(found({}, batch("batch", 1, 2, (order("1"), no), (order("2"), no), (order("3"), no)))), 1)

    def test_for_the_sake_of_another_one_though_the_request_is_not_atomic(self):
        wrong = ["refused/batch_refused"]
        self.assertEqual(rules({}, post(1, 2, "not_accepted", status=424, code="batch_refused")), wrong)
        mixed = batch("batch", 1, 2, (order("1"), MATE), (order("2", expect="invalid_order"), said(
            "refused", code="invalid_order")))
        self.assertEqual(rules({}, mixed), wrong)

    def test_a_flaw(self):
        flawed = post(1, 2, "unknown", end="answered")
        flawed.flaw = "two answers"
        self.assertEqual(rules({}, flawed), ["garbled"])


class Atomic(unittest.TestCase):
    def two(self, first, second, ended=2.0):
        return batch("atomic", 1, ended, (order("1"), first), (order("2"), second))

    def test_stored_whole(self):
        rows = row() | row("2", order_id=OTHER_ID)
        self.assertEqual(rules(rows, self.two(said("created"), said("created", OTHER_ID))), [])

    def test_refused_whole(self):
        refused = self.two(REUSED_HERE, MATE)
        self.assertEqual(rules(row(content=B), post(1, 2, "created", B), refused), [])

    def test_answered_in_part(self):
        self.assertEqual(rules(row(), self.two(said("created"), MATE)), ["atomic"])

    def test_refused_for_each_other(self):
        self.assertEqual(rules({}, self.two(MATE, MATE)), ["atomic"])

    def test_in_doubt_and_stored_in_part(self):
        doubt = said("unknown", status=504, code="commit_unknown")
        self.assertIn("atomic", rules(row(), self.two(doubt, doubt)))

    def test_in_doubt_and_stored_whole(self):
        doubt = said("unknown", status=504, code="commit_unknown")
        rows = row() | row("2", order_id=OTHER_ID)
        self.assertEqual(rules(rows, self.two(doubt, doubt)), ["unavailable/commit_unknown"])

    def test_open_and_stored_in_part(self):
        self.assertEqual(rules(row(), self.two(None, None, ended=None), at=2), ["atomic"])

    def test_in_doubt_and_another_request_stored_one_of_it(self):
        doubt = said("unknown", status=504, code="commit_unknown")
        self.assertEqual(rules(row(), self.two(doubt, doubt), post(1, 2, "created")), ["unavailable/commit_unknown"])

    def test_in_doubt_and_another_request_may_have_stored_one_of_it(self):
        doubt = said("unknown", status=504, code="commit_unknown")
        self.assertNotIn("atomic", rules(row(), self.two(doubt, doubt), post(1, 2, "unknown", end="closed")))

    def test_in_doubt_and_another_content_has_the_other_id(self):
        """One of it is there, which nobody else sent: then the other one cannot be another's."""
        doubt = said("unknown", status=504, code="commit_unknown")
        rows = row() | row("2", B, OTHER_ID)
        history = [self.two(doubt, doubt), post(1, 2, "created", B, "2", OTHER_ID)]
        self.assertIn("atomic", rules(rows, *history))

    def test_repeated_whole(self):
        doubt = said("unknown", status=504, code="commit_unknown")
        rows = row() | row("2", order_id=OTHER_ID)
        again = batch("atomic", 3, 4, (order("1"), said("replayed")), (order("2"), said("replayed", OTHER_ID)))
        self.assertEqual(rules(rows, self.two(doubt, doubt), again), ["unavailable/commit_unknown"])

    def test_a_batch_that_is_not_atomic_may_be_stored_in_part(self):
        doubt = said("unknown", status=504, code="commit_unknown")
        halves = batch("batch", 1, 2, (order("1"), doubt), (order("2"), doubt))
        self.assertEqual(rules(row(), halves), ["unavailable/commit_unknown"])


class TornReads(unittest.TestCase):
    def setUp(self):
        self.rows = row() | row("2", order_id=OTHER_ID)
        self.batch = batch("atomic", 1, 4, (order("1"), said("created")), (order("2"), said("created", OTHER_ID)))

    def read(self, *outcomes):
        shown = [said(o, (ID, OTHER_ID)[i], content=A, received_at=EPOCH + 1.5) if o == "found" else said(o, status=200)
                 for i, o in enumerate(outcomes)]
        return request(2, 3, "get", [order(str(i + 1), None) for i in range(len(outcomes))], shown)

    def test_a_part_of_a_batch(self):
        self.assertEqual(rules(self.rows, self.batch, self.read("found", "absent")), ["torn_read"])

    def test_all_of_it_or_nothing(self):
        self.assertEqual(rules(self.rows, self.batch, self.read("found", "found")), [])
        self.assertEqual(rules(self.rows, self.batch, self.read("absent", "absent")), [])

    def test_another_request_may_have_written_the_one_that_is_there(self):
        other = post(1, 4, "unknown", end="gave_up")
        self.assertEqual(rules(self.rows, self.batch, other, self.read("found", "absent")), [])

    def test_a_batch_that_is_not_atomic(self):
        self.batch.kind = "batch"
        self.assertEqual(rules(self.rows, self.batch, self.read("found", "absent")), [])


class Findings(unittest.TestCase):
    def test_the_first_comes_first(self):
        history = [post(5, 6, "created", cid="2", order_id=OTHER_ID), post(1, 2, "created", cid="3")]
        at = [v.at for v in found({}, *history)]
        self.assertEqual(at, sorted(at))

    def test_a_rule_has_a_name(self):
        with self.assertRaises(ValueError):
            violation("nonsense", 1, "text")

    def test_no_fault_exempts_a_promise(self):
        for rule in ("lost", "ghost", "atomic", "phantom_read", "internal", "ended", "rest", "refused", "nonsense"):
            with self.assertRaises(ValueError):
                Exemption(rule, 0, 1, "a fault")

    def test_what_could_not_be_resolved(self):
        self.assertEqual([v.rule for v in unresolved([order()], 9)], ["unresolved"])

    def test_all_that_is_told_names_its_requests(self):
        lost = found({}, post(1, 2, "created", A, order_id=ID))[0]
        self.assertEqual((lost.account, lost.cid, len(lost.requests), lost.since, lost.at), ("acc", "1", 1, 1, 2))


if __name__ == "__main__":
    unittest.main()
