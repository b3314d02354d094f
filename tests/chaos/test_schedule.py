"""A seed repeats its schedule, and a schedule has what was asked for."""
import unittest

from chaos import faults, schedule

KINDS = faults.chosen("")


class TestSchedule(unittest.TestCase):
    def test_a_seed_repeats_it(self) -> None:
        first, again = (schedule.describe(schedule.draw(7, 120, KINDS, 3)) for _ in range(2))
        self.assertEqual(first, again)
        self.assertNotEqual(first, schedule.describe(schedule.draw(8, 120, KINDS, 3)))

    def test_no_fault_lasts_beyond_the_end(self) -> None:
        for seed in range(50):
            for planned in schedule.draw(seed, 60, KINDS, 1):
                self.assertGreaterEqual(planned.at, schedule.FIRST_S)
                self.assertLessEqual(planned.at + planned.fault.seconds, 60)

    def test_a_few_runs_have_had_every_kind(self) -> None:
        seen = {planned.fault.kind for seed in range(15) for planned in schedule.draw(seed, 120, KINDS, 3)}
        self.assertEqual(seen, set(KINDS))

    def test_only_what_was_asked_for(self) -> None:
        kinds = faults.chosen("kill,stop_primary")
        groups = {planned.fault.group for planned in schedule.draw(1, 300, kinds, 3)}
        self.assertEqual(groups, {"kill", "stop"})
        with self.assertRaises(ValueError):
            faults.chosen("kill,flood")

    def test_faults_overlap(self) -> None:
        planned = schedule.draw(3, 600, KINDS, 3)
        meets = [a for a, b in zip(planned, planned[1:]) if b.at < a.at + a.fault.seconds]
        self.assertGreater(len(meets), len(planned) // 10)


if __name__ == "__main__":
    unittest.main()
