"""The table of planted bugs agrees with the files that plant them, with rules, faults and docs/RELIABILITY.md."""
import unittest
from collections import Counter
from pathlib import Path

from chaos import schedule
from chaos.audit import audit
from chaos.faults import KINDS
from chaos.findings import RULES
from chaos.handmade import post
from chaos.history import History, Request
from chaos.planted import command
from chaos.planted.hunt import FOUND, NOT_FOUND, SKIPPED, HuntResult
from chaos.planted.plants import PLANTS
from chaos.results import INJECTED, MISSING, FaultRecord, Result
from chaos.world import ROOT

CALM_S = 8.0  # at the end of a hunt, for the last checkpoint


class Table(unittest.TestCase):
    def test_each_bug_is_planted_by_a_file_of_its_name(self) -> None:
        files = {path.stem for path in Path(__file__).parent.glob("*.c")} - {"plant"}
        self.assertEqual(set(PLANTS), files)

    def test_each_is_found_by_a_rule_that_there_is(self) -> None:
        for plant in PLANTS.values():
            self.assertIn(plant.rule.partition("/")[0], RULES, plant.name)

    def test_a_rule_that_has_codes_is_planted_with_its_code(self) -> None:
        """A busy machine breaks another code of it, and the hunt would pass for that."""
        for plant in PLANTS.values():
            if plant.rule.partition("/")[0] in ("unavailable", "refused", "rest"):
                self.assertIn("/", plant.rule, plant.name)

    def test_each_seed_has_every_fault_in_time(self) -> None:
        for plant in PLANTS.values():
            planned = schedule.draw(plant.seed, plant.seconds, plant.faults, replicas=1)
            early = {p.fault.kind for p in planned if p.at < plant.seconds - CALM_S}
            self.assertEqual(set(plant.faults), early, plant.name)
            self.assertLessEqual(set(plant.faults), set(KINDS), plant.name)

    def test_the_document_has_every_row(self) -> None:
        text = (ROOT / "docs/RELIABILITY.md").read_text()
        for plant in PLANTS.values():
            self.assertIn(f"\n{command.row(plant)}", text, "scripts/chaos planted --list shows the rows")


class About(unittest.TestCase):
    """The rule may be broken by others than the planted code."""

    def found(self, rule: str, *requests: Request) -> list[bool]:
        plant = next(plant for plant in PLANTS.values() if plant.rule == rule)
        history = History.of(requests)
        return [plant.about(v, history, frozenset({"chaos-struck"})) for v in audit(history, {}) if v.rule == rule]

    def test_a_duplicate_has_another_client_at_the_same_time(self) -> None:
        rule = PLANTS["duplicates_dropped"].rule
        late, other = (post(1, 3, "not_accepted", code="commit_timeout") for _ in range(2))
        self.assertEqual(self.found(rule, late, other), [False, False], "one client that repeats its order")
        other.client = "d"
        self.assertEqual(self.found(rule, late, other), [True, True])
        other.began, other.ended = 4.0, 5.0
        self.assertEqual(self.found(rule, late, other), [False, False])

    def test_a_lost_answer_is_that_of_a_request_that_was_struck(self) -> None:
        rule = PLANTS["resume_lost"].rule
        closed = post(1, 3, "unknown", end="closed")
        self.assertEqual(self.found(rule, closed), [False])
        closed.request_id = "chaos-struck"
        self.assertEqual(self.found(rule, closed), [True])


class Verdict(unittest.TestCase):
    plant = PLANTS["resume_lost"]

    def verdict(self, found_s: float | None, struck: bool, state: str = INJECTED) -> int:
        result = Result(1, 1, 30.0, [FaultRecord("cut_clients", "cut", 3.0, "", state)])
        return HuntResult(self.plant, found_s, "", struck, Counter({"late": 2}), result).verdict()[0]

    def test_found_means_that_the_rule_was_broken_by_the_planted_code(self) -> None:
        self.assertEqual(self.verdict(7.0, struck=True), FOUND)
        self.assertEqual(self.verdict(7.0, struck=False), NOT_FOUND)
        self.assertEqual(self.verdict(None, struck=True), NOT_FOUND)
        self.assertEqual(self.verdict(None, struck=False), NOT_FOUND)

    def test_a_fault_that_cannot_be_injected_is_no_failure(self) -> None:
        self.assertEqual(self.verdict(None, struck=False, state=MISSING), SKIPPED)


if __name__ == "__main__":
    unittest.main()
