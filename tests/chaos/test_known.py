"""What clients do with orders that were rejected or are in doubt: an atomic batch stays whole."""
import asyncio
import random
import unittest
from unittest import mock

from chaos.handmade import A, B, batch, order, post, said
from chaos.known import Known
from chaos.workload import resolved

DOUBT = said("unknown", status=504, code="commit_unknown")
MATE = said("not_accepted", status=424, code="batch_refused")


class Aside(unittest.TestCase):
    def setUp(self):
        self.known = Known(random.Random(1))

    def noted(self, *requests):
        for request in requests:
            self.known.note(request)
        return len(self.known.to_repeat), len(self.known.abandoned), len(self.known.batches)

    def test_a_batch_that_is_not_atomic_is_repeated_order_by_order(self):
        singles, abandoned, batches = self.noted(*(batch("batch", 1, 2, (order("1"), DOUBT), (order("2"), DOUBT))
                                                   for _ in range(50)))
        self.assertEqual((singles + abandoned, batches), (100, 0))
        self.assertGreater(singles, 50)

    def test_an_atomic_batch_in_doubt_is_repeated_whole_or_never(self):
        for verdict in (DOUBT, said("unsent"), said("not_accepted")):
            with self.subTest(verdict.outcome):
                self.setUp()
                doubtful = [batch("atomic", 1, 2, (order("1"), verdict), (order("2"), verdict)) for _ in range(50)]
                singles, abandoned, batches = self.noted(*doubtful)
                self.assertEqual((singles, abandoned + 2 * batches), (0, 100))
                self.assertGreater(batches, 25)
                self.assertEqual([sent.cid for sent in self.known.take_batch(random.Random(1))], ["1", "2"])

    def test_a_batch_that_was_refused_for_good_is_never_repeated(self):
        refused = batch("atomic", 1, 2, (order("1", B), said("reused")), (order("2"), MATE))
        self.assertEqual([self.noted(refused) for _ in range(3)], [(0, n, 0) for n in (1, 2, 3)])

    def test_a_batch_that_is_stored_waits_for_nothing(self):
        self.assertEqual(self.noted(batch("atomic", 1, 2, (order(), said("created")))), (0, 0, 0))


class Resolving(unittest.TestCase):
    def sent(self, orders, answer):
        http = mock.Mock()
        http.post = mock.AsyncMock(return_value=answer)
        good = asyncio.run(resolved(http, orders))
        return http.post.await_args.args[0], good

    def test_one_order_alone(self):
        self.assertEqual(self.sent([order()], post(1, 2, "replayed")), ("single", True))
        self.assertEqual(self.sent([order()], post(1, 2, "not_accepted")), ("single", False))

    def test_a_batch_whole(self):
        orders = [order("1", A), order("2", A)]
        for verdicts, good in (((said("created"), said("replayed")), True), ((DOUBT, DOUBT), False),
                               ((said("reused"), MATE), True)):
            answer = batch("atomic", 1, 2, *zip(orders, verdicts))
            self.assertEqual(self.sent(orders, answer), ("atomic", good))


if __name__ == "__main__":
    unittest.main()
