"""Each rule about one id has a history that breaks it, and histories that look so and break nothing."""
import unittest

from chaos.handmade import A, B, EPOCH, OTHER_ID, batch, get, order, post, promises, row, said


class Acknowledged(unittest.TestCase):
    def test_a_201_that_is_there(self):
        self.assertEqual(promises(row(), post(1, 2, "created")), [])

    def test_a_201_that_is_lost(self):
        self.assertEqual(promises({}, post(1, 2, "created")), ["lost"])

    def test_a_200_that_is_lost(self):
        self.assertEqual(promises({}, post(1, 2, "unknown"), post(3, 4, "replayed")), ["lost"])

    def test_a_201_after_the_table_was_read_may_be_missing(self):
        self.assertEqual(promises({}, post(1, 2.5, "created"), at=2.0), [])

    def test_a_201_before_the_table_was_read_may_not(self):
        self.assertEqual(promises({}, post(1, 1.9, "created"), at=2.0), ["lost"])

    def test_another_order_id(self):
        self.assertEqual(promises(row(order_id=OTHER_ID), post(1, 2, "created")), ["changed"])

    def test_a_short_answer_to_a_batch_may_show_nothing_but_the_id(self):
        self.assertEqual(promises(row(), batch("batch", 1, 2, (order(), said("created")))), [])

    def test_another_content(self):
        self.assertIn("changed", promises(row(content=B), post(1, 2, "created")))

    def test_a_200_to_another_content(self):
        """The content was not compared."""
        self.assertIn("changed", promises(row(), post(1, 2, "created"), post(3, 4, "replayed", B)))

    def test_an_answer_that_shows_another_content_than_was_sent(self):
        self.assertEqual(promises(row(), _shows(B)), ["changed"])
        self.assertEqual(promises(row(), _shows(A)), [])

    def test_another_time_than_was_answered(self):
        self.assertEqual(promises(row(), post(1, 2, "created", received_at=EPOCH + 1.6)), ["changed"])
        self.assertEqual(promises(row(), post(1, 2, "created", received_at=EPOCH + 1.5)), [])


def _shows(content):
    one = post(1, 2, "created")
    one.verdicts[0].content = content
    return one


class Twice(unittest.TestCase):
    def test_two_rows(self):
        self.assertEqual(promises(row(copies=2), post(1, 2, "created")), ["doubled"])

    def test_one_order_id_for_two_ids(self):
        rows = row() | row(cid="2")
        self.assertEqual(promises(rows, post(1, 2, "created"), post(1, 2, "created", cid="2")), ["doubled"])

    def test_two_201(self):
        self.assertEqual(promises(row(), post(1, 2, "created"), post(1, 3, "created")), ["created_twice"])

    def test_a_201_after_somebody_was_told_that_it_is_there(self):
        history = [post(1, 9, "unknown"), post(2, 3, "replayed"), post(4, 5, "created")]
        self.assertIn("created_twice", promises(row(at=4.5), *history))

    def test_a_201_after_a_get_had_found_it(self):
        history = [post(1, 9, "unknown"), get(2, 3, "found"), post(4, 5, "created")]
        self.assertIn("created_twice", promises(row(at=4.5), *history))

    def test_the_201_may_come_after_a_200_to_another_one_of_its_group(self):
        self.assertEqual(promises(row(), post(1, 3, "created"), post(1.1, 2, "replayed")), [])

    def test_a_get_may_find_it_before_its_201(self):
        self.assertEqual(promises(row(), post(1, 3, "created"), get(1.6, 2, "found")), [])

    def test_a_201_after_one_in_doubt(self):
        self.assertEqual(promises(row(at=3.5), post(1, 2, "unknown"), post(3, 4, "created")), [])


class Ghosts(unittest.TestCase):
    def test_a_not_accepted_that_is_there(self):
        self.assertEqual(promises(row(), post(1, 2, "not_accepted")), ["ghost"])

    def test_a_not_accepted_that_is_not(self):
        self.assertEqual(promises({}, post(1, 2, "not_accepted")), [])

    def test_an_earlier_one_in_doubt_explains_it(self):
        self.assertEqual(promises(row(at=0.5), post(0, 0.9, "unknown"), post(1, 2, "not_accepted")), [])

    def test_a_later_one_explains_it(self):
        self.assertEqual(promises(row(at=3.5), post(1, 2, "not_accepted"), post(3, 4, "created")), [])

    def test_one_that_is_open_explains_it(self):
        self.assertEqual(promises(row(at=3.5), post(1, 2, "not_accepted"), post(3, None), at=4), [])

    def test_a_later_one_that_was_turned_away_too_does_not(self):
        self.assertEqual(promises(row(), post(1, 2, "not_accepted"), post(3, 4, "not_accepted")), ["ghost"])

    def test_one_in_doubt_with_another_content_does_not(self):
        self.assertEqual(promises(row(), post(1, 2, "not_accepted"), post(1, 2, "unknown", B)), ["ghost"])

    def test_nobody_sent_it(self):
        self.assertEqual(promises(row()), ["ghost"])

    def test_it_was_only_checked(self):
        checked = post(1, 2, "valid")
        checked.kind = "validate"
        self.assertEqual(promises(row(), checked), ["ghost"])
        self.assertEqual(promises({}, checked), [])

    def test_it_was_not_sent_whole(self):
        self.assertEqual(promises(row(), post(1, 2, "unsent", end="gave_up")), ["ghost"])

    def test_a_client_that_gave_up_may_have_stored_it(self):
        self.assertEqual(promises(row(at=5), post(1, 2, "unknown", end="gave_up")), [])

    def test_it_was_refused(self):
        self.assertIn("ghost", promises(row(), post(1, 2, "refused", code="refused_by_database")))

    def test_an_unfit_one_in_doubt_explains_nothing(self):
        self.assertEqual(promises(row(), post(1, 2, "unknown", expect="invalid_order")), ["ghost"])


class Stamps(unittest.TestCase):
    """Whose request it was: the order carries the moment of its receipt."""

    def test_written_by_the_one_that_was_turned_away(self):
        history = [post(1, 2, "not_accepted"), post(3, 9, "unknown")]
        self.assertEqual(promises(row(at=1.5), *history), ["stamp"])
        self.assertEqual(promises(row(at=3.5), *history), [])

    def test_written_by_another_than_the_one_that_has_the_201(self):
        self.assertEqual(promises(row(at=1.5), post(1, 2, "not_accepted"), post(3, 4, "created")), ["stamp"])

    def test_a_client_that_left_may_be_heard_later(self):
        self.assertEqual(promises(row(at=8), post(1, 2, "unknown", end="closed")), [])

    def test_a_client_that_left_is_not_heard_for_ever(self):
        for end in ("closed", "deadline", "gave_up"):
            history = [post(1, 2, "unknown", end=end), post(60, 61, "not_accepted")]
            self.assertEqual(promises(row(at=31), *history), [])
            self.assertEqual(promises(row(at=60.5), *history), ["stamp"])
            self.assertEqual(promises(row(at=60.5), *history, holds=((1.5, 10.0), (5.0, 31.5))), [])
            self.assertEqual(promises(row(at=60.5), *history, holds=((1.5, 10.0), (5.0, 29.5))), ["stamp"])
            self.assertEqual(promises(row(at=60.5), *history, holds=((61.0, 99.0),)), ["stamp"])

    def test_a_504_says_that_it_was_heard_before(self):
        self.assertEqual(promises(row(at=8), post(1, 2, "unknown", status=504, code="commit_unknown")), ["stamp"])

    def test_a_504_of_the_balancer_says_no_such_thing(self):
        self.assertEqual(promises(row(at=8), post(1, 2, "unknown", status=504, code="balancer_504")), [])

    def test_clocks_agree_a_little_less_than_exactly(self):
        self.assertEqual(promises(row(at=0.95), post(1, 2, "created")), [])
        self.assertEqual(promises(row(at=0.5), post(1, 2, "created")), ["stamp"])


class Replays(unittest.TestCase):
    def test_nobody_else_sent_it(self):
        """It was tried again under a new order_id, and found itself."""
        self.assertEqual(promises(row(), post(1, 2, "replayed")), ["ghost", "replayed"])

    def test_to_the_own_repeat_of_one_in_doubt(self):
        self.assertEqual(promises(row(), post(1, 2, "unknown"), post(3, 4, "replayed")), [])

    def test_to_the_own_repeat_of_one_that_was_turned_away(self):
        history = [post(1, 2, "not_accepted"), post(3, 4, "replayed")]
        self.assertEqual(promises(row(at=3.5), *history), ["ghost", "replayed"])

    def test_who_can_have_stored_it_began_later(self):
        self.assertEqual(promises(row(at=5.5), post(1, 2, "replayed"), post(5, 6, "created")),
                         ["created_twice", "replayed"])

    def test_who_can_have_stored_it_sent_another_content(self):
        self.assertIn("replayed", promises(row(), post(1, 2, "unknown", B), post(3, 4, "replayed")))

    def test_many_at_once(self):
        herd = [post(1, 3, "created"), *(post(1 + i / 100, 2, "replayed") for i in range(5)), post(1, 3, "reused", B)]
        self.assertEqual(promises(row(), *herd), [])

    def test_many_at_once_and_the_one_that_stored_it_lost_its_answer(self):
        herd = [post(1, 3, "unknown", end="closed"), *(post(1 + i / 100, 2, "replayed") for i in range(5))]
        self.assertEqual(promises(row(), *herd), [])

    def test_many_at_once_and_none_of_them_stored_it(self):
        herd = [post(1 + i / 100, 2, "replayed") for i in range(5)]
        self.assertEqual(promises(row(), *herd), ["ghost", "replayed"])

    def test_twice_in_one_batch(self):
        twice = batch("batch", 1, 2, (order(), said("replayed")), (order(), said("created")))
        self.assertEqual(promises(row(), twice), [])

    def test_before_another_instance_of_it_was_in_doubt_and_written_later(self):
        history = [post(1, 2, "unknown", end="closed"), get(3, 4, "absent"), post(5, 6, "replayed")]
        self.assertEqual(promises(row(at=4.5), *history), [])


class Reused(unittest.TestCase):
    def test_another_order_is_there(self):
        self.assertEqual(promises(row(), post(1, 2, "created"), post(3, 4, "reused", B, differing=("side",))), [])

    def test_nothing_is_there(self):
        self.assertEqual(promises({}, post(1, 2, "unknown"), post(3, 4, "reused", B)), ["lost"])

    def test_nobody_sent_another(self):
        self.assertIn("reused", promises(row(), post(1, 2, "created"), post(3, 4, "reused")))

    def test_the_same_order_is_there(self):
        history = [post(1, 2, "created"), post(1, 2, "unknown", B), post(3, 4, "reused")]
        self.assertEqual(promises(row(), *history), ["reused"])

    def test_another_order_id_is_named(self):
        history = [post(1, 2, "created"), post(3, 4, "reused", B, order_id=OTHER_ID)]
        self.assertEqual(promises(row(), *history), ["changed"])

    def test_other_fields_are_named(self):
        history = [post(1, 2, "created"), post(3, 4, "reused", B, differing=("symbol",))]
        self.assertEqual(promises(row(), *history), ["reused"])

    def test_twins_of_an_atomic_batch(self):
        """Neither is stored, and no order_id is named."""
        def twin(content, verdict):
            return order(content=content), verdict
        refusal = said("reused")
        refusal.order_id = None
        twins = batch("atomic", 1, 2, twin(A, said("not_accepted", status=424, code="batch_refused")), twin(B, refusal))
        self.assertEqual(promises({}, twins), [])
        later = post(3, 4, "created")
        self.assertEqual(promises(row(at=3.5), twins, later, get(2.5, 2.6, "absent")), [])


class Unfit(unittest.TestCase):
    def test_stored(self):
        self.assertIn("unfit", promises(row(), post(1, 2, "created", expect="invalid_order")))

    def test_refused_as_it_was_made_to_be(self):
        self.assertEqual(promises({}, post(1, 2, "refused", expect="invalid_order", code="invalid_order")), [])

    def test_too_old_before_it_was_sent(self):
        self.assertEqual(promises(row(), post(1, 2, "created", expect="stale_order", expires=0.5)), ["unfit"])
        self.assertEqual(promises(row(), post(1, 2, "created", expect="stale_order", expires=1.2)), [])


class Reads(unittest.TestCase):
    def test_what_was_acknowledged_is_found(self):
        self.assertEqual(promises(row(), post(1, 2, "created"), get(3, 4, "found")), [])

    def test_what_was_acknowledged_is_not_found(self):
        self.assertEqual(promises(row(), post(1, 2, "created"), get(3, 4, "absent")), ["stale_read"])

    def test_a_get_that_began_before_the_201(self):
        self.assertEqual(promises(row(), post(1, 2, "created"), get(1.9, 4, "absent")), [])

    def test_what_is_in_doubt_need_not_be_found(self):
        self.assertEqual(promises(row(), post(1, 2, "unknown"), get(3, 4, "absent")), [])

    def test_what_a_get_found_is_found_by_the_next(self):
        history = [post(1, 9, "unknown"), get(2, 3, "found"), get(4, 5, "absent")]
        self.assertEqual(promises(row(), *history), ["stale_read"])
        self.assertEqual(promises(row(), post(1, 9, "unknown"), get(2, 4, "found"), get(3, 5, "absent")), [])

    def test_a_reused_id_is_found(self):
        history = [post(1, 9, "unknown"), post(1, 3, "reused", B), get(4, 5, "absent")]
        self.assertEqual(promises(row(), *history), ["stale_read"])

    def test_found_and_not_in_the_table(self):
        self.assertEqual(promises({}, post(1, 2, "unknown"), get(3, 4, "found")), ["phantom_read"])

    def test_found_after_the_table_was_read(self):
        self.assertEqual(promises({}, post(1, 2, "unknown"), get(3, 4, "found"), at=2.5), [])

    def test_found_under_another_order_id(self):
        history = [post(1, 2, "created"), get(3, 4, "found", order_id=OTHER_ID)]
        self.assertEqual(promises(row(), *history), ["phantom_read"])

    def test_found_with_another_content(self):
        self.assertEqual(promises(row(), post(1, 2, "created"), get(3, 4, "found", B)), ["wrong_read"])

    def test_found_before_it_was_sent(self):
        self.assertEqual(promises(row(at=3.5), post(3, 4, "unknown"), get(1, 2, "found", received=3.5)), ["wrong_read"])

    def test_found_with_another_time(self):
        self.assertEqual(promises(row(), post(1, 2, "created"), get(3, 4, "found", received=1.7)), ["wrong_read"])

    def test_found_though_it_was_turned_away(self):
        self.assertEqual(promises({}, post(1, 2, "not_accepted"), get(3, 4, "found")), ["phantom_read", "wrong_read"])

    def test_not_fetched(self):
        self.assertEqual(promises(row(), post(1, 2, "created"), get(3, 4, "not_fetched")), ["wrong_read"])


if __name__ == "__main__":
    unittest.main()
