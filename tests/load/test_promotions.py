"""The pure parts of load/failover: which answer is the first after the loss, what is judged, and what the table says."""
import unittest
from collections import Counter

from chaos.history import CREATED, History
from chaos.orders import Row
from chaos.handmade import A, EPOCH, ID, OTHER_ID, order, request, said
from promotions import course, report
from promotions.course import Result
from promotions.ways import WAYS


def created(began: float, ended: float, cid: str, order_id: str = ID):
    return request(began, ended, "single", [order(cid)], [said(CREATED, order_id, received_at=EPOCH + began)])


class Judgement(unittest.TestCase):
    def test_the_last_answer_of_the_old_primary_is_not_the_first_of_the_new_one(self) -> None:
        history = History.of([created(1.0, 5.2, "1"), created(4.0, 9.0, "2"), created(5.1, 7.5, "3")])
        self.assertEqual(course._first_stored(history, 5.0), 7.5)
        self.assertIsNone(course._first_stored(history, 6.0))

    def test_lost_orders_and_reasons_are_counted(self) -> None:
        history = History.of([created(1.0, 2.0, "1"), created(1.0, 2.0, "2", OTHER_ID),
                              request(3.0, 4.0, "single", [order("3")], [said("not_accepted")], code="commit_timeout")], EPOCH)
        rows = {("acc", "1"): Row(ID, A, EPOCH + 1.0)}
        result = course._judge(history, rows, 0.1, 0.5)
        self.assertEqual((result.requests, result.lost), (3, 1))
        self.assertEqual(result.failed, {"503 commit_timeout": 1})

    def test_what_the_old_primary_acknowledged_before_counts_as_lost_only(self) -> None:
        history = History.of([created(1.0, 2.0, "1"), created(1.5, 4.0, "2", OTHER_ID)], EPOCH)
        for promoted_at, acked in ((3.0, 1), (5.0, 0), (1.0, 2)):
            result = Result(0.1, 0.5, 2, Counter(), 0)
            course._judge_old(result, history, {("acc", "1"), ("acc", "2"), ("acc", "9")}, promoted_at)
            self.assertEqual((result.old_only, result.old_acked), (3, acked))


class Table(unittest.TestCase):
    def test_a_row_has_medians_sums_and_reasons(self) -> None:
        results = [Result(0.1, stored, 100, Counter({"503 database_down": n}), 0) for stored, n in ((0.3, 1), (0.2, 0), (9.0, 2))]
        cells = [cell.strip() for cell in report.row(WAYS[0], results).strip("|").split("|")]
        self.assertEqual(cells, [str(WAYS[0]), "3", "0.30, 9.00", "0.10, 0.10", "300", "3: 3 x 503 database_down", "0", "0 (0)"])
        self.assertEqual(len(cells), report.HEAD.split("\n")[0].count("|") - 1)

    def test_only_an_asynchronous_standby_may_lose(self) -> None:
        lost = [Result(0.1, 0.2, 100, Counter(), lost=1)]
        for way in WAYS:
            self.assertEqual(bool(report.broken(way, lost)), way.standby == "synchronous", str(way))
            self.assertTrue(report.broken(way, [Result(0.1, 0.2, 100, Counter(), 0, Counter(doubled=1))]))
            self.assertTrue(report.broken(way, [Result(0.1, 0.2, 100, Counter(), 0, old_only=1, old_acked=1)]))
            self.assertFalse(report.broken(way, [Result(0.1, 0.2, 100, Counter({"504 commit_unknown": 3}), 0, old_only=3)]))


if __name__ == "__main__":
    unittest.main()
