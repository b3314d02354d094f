"""The poller's rule for its position, without a database."""
import tempfile
import unittest
from pathlib import Path

from consume.poller import START, State, Store


class Position(unittest.TestCase):
    def test_the_first_poll_sets_a_mark_and_moves_nothing(self) -> None:
        self.assertEqual(State().after(90, 100, "a", 0), State(START, 100, "a", 0, 1))

    def test_the_position_stays_while_the_marked_transaction_or_an_older_one_runs(self) -> None:
        for oldest in (90, 100):
            self.assertEqual(State("p", 100, "a").after(oldest, 110, "b", 2), State("p", 100, "a", 2, 1))

    def test_the_position_moves_when_all_have_ended(self) -> None:
        self.assertEqual(State("p", 100, "a").after(101, 110, "b", 0), State("a", 110, "b", 0, 1))

    def test_xids_that_have_gone_back(self) -> None:
        self.assertEqual(State("p", 100, "a").after(80, 85, "b", 0), State("p", 85, "b", 0, 1))


class Stored(unittest.TestCase):
    def setUp(self) -> None:
        self.path = Path(self.enterContext(tempfile.TemporaryDirectory())) / "store.sqlite"

    def test_an_order_that_comes_again_is_dropped(self) -> None:
        store = Store(self.path)
        self.assertEqual(store.take("9|10|r|0/1\nid-1|A|one\nid-2|A|two\n"), ["id-1|A|one", "id-2|A|two"])
        self.assertEqual(store.take("9|11|s|0/2\nid-1|A|one\nid-3|A|three\n"), ["id-3|A|three"])
        self.assertEqual(store.orders(), {"id-1": "id-1|A|one", "id-2": "id-2|A|two", "id-3": "id-3|A|three"})
        self.assertEqual(store.state(), State(START, 10, "r", 1, 2))
        store.close()
        again = Store(self.path)
        self.addCleanup(again.close)
        self.assertEqual(again.state(), State(START, 10, "r", 1, 2))

    def test_an_answer_of_no_order(self) -> None:
        store = Store(self.path)
        self.addCleanup(store.close)
        store.take("9|10|r|0/1\n")
        self.assertEqual(store.orders(), {})


if __name__ == "__main__":
    unittest.main()
