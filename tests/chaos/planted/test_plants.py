"""The table of planted bugs agrees with the files that plant them, the rules of the audit and the kinds of faults."""
import unittest
from pathlib import Path

from chaos import schedule
from chaos.faults import KINDS
from chaos.findings import RULES
from chaos.planted.plants import PLANTS

CALM_S = 8.0  # at the end of a hunt, for the last checkpoint


class Table(unittest.TestCase):
    def test_each_bug_is_planted_by_a_file_of_its_name(self) -> None:
        files = {path.stem for path in Path(__file__).parent.glob("*.c")} - {"plant"}
        self.assertEqual(set(PLANTS), files)

    def test_each_is_found_by_a_rule_that_there_is(self) -> None:
        for plant in PLANTS.values():
            self.assertIn(plant.rule, RULES, plant.name)

    def test_each_seed_has_every_fault_in_time(self) -> None:
        for plant in PLANTS.values():
            planned = schedule.draw(plant.seed, plant.seconds, plant.faults, replicas=1)
            early = {p.fault.kind for p in planned if p.at < plant.seconds - CALM_S}
            self.assertEqual(set(plant.faults), early, plant.name)
            self.assertLessEqual(set(plant.faults), set(KINDS), plant.name)


if __name__ == "__main__":
    unittest.main()
