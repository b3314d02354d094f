"""Kinds of faults, as far as a test needs no world: names, draws, exemptions, and what must never be filled."""
import random
import tempfile
import unittest
from pathlib import Path

from chaos import stalls
from chaos.faults import BALANCER_LAG_S, GROUPS, KINDS, RESOURCES, chosen
from chaos.faults.disk import fill, not_ours
from chaos.faults.machine import step
from chaos.faults.network import size
from chaos.findings import BY_THE_CLOCK, NEVER_EXEMPT, RULES
from chaos.world import ROOT


class Kinds(unittest.TestCase):
    def test_a_seed_repeats_a_fault(self) -> None:
        for kind, fault in KINDS.items():
            first, second = (fault(random.Random(f"1/{kind}"), 3) for _ in range(2))
            self.assertEqual((str(first), first.replica, first.needs), (str(second), second.replica, second.needs))

    def test_seeds_differ(self) -> None:
        for fault in KINDS.values():
            self.assertGreater(len({fault(random.Random(n), 3).seconds for n in range(40)}), 3, fault.kind)

    def test_every_kind_says_in_one_line_what_it_does(self) -> None:
        for fault in KINDS.values():
            self.assertNotIn("\n", fault.__doc__)
            self.assertTrue(fault.__doc__.endswith("."), fault.kind)

    def test_every_group_has_kinds(self) -> None:
        self.assertEqual({fault.group for fault in KINDS.values()}, set(GROUPS))

    def test_what_is_needed_has_a_known_name(self) -> None:
        for fault in KINDS.values():
            for n in range(20):
                self.assertLessEqual(fault(random.Random(n), 3).needs, RESOURCES, fault.kind)

    def test_with_one_replica_that_one_is_hit(self) -> None:
        for fault in KINDS.values():
            needs = fault(random.Random(5)).needs
            self.assertFalse(needs & {"replica:1", "replica:2"}, fault.kind)

    def test_exemptions_are_rules_and_have_a_reason(self) -> None:
        for fault in KINDS.values():
            self.assertLessEqual({rule.partition("/")[0] for rule in fault.exempt_rules}, set(RULES), fault.kind)
            self.assertTrue(fault.because or not fault.exempt_rules, fault.kind)

    def test_no_fault_exempts_an_order_that_is_lost_or_false(self) -> None:
        for fault in KINDS.values():
            self.assertFalse({rule.partition("/")[0] for rule in fault.exempt_rules} & NEVER_EXEMPT, fault.kind)

    def test_only_a_step_of_its_clock_exempts_what_a_replica_says_of_times(self) -> None:
        for kind, fault in KINDS.items():
            by_the_clock = [e for e in fault(random.Random(1), 3).exemptions(1.0, 2.0) if e.rule in BY_THE_CLOCK]
            self.assertEqual(bool(by_the_clock), kind == "clock_ordersd", kind)
            self.assertTrue(all(e.replica is not None for e in by_the_clock))

    def test_the_document_names_every_rule_that_can_be_exempted(self) -> None:
        text = (ROOT / "docs/RELIABILITY.md").read_text()
        table = text[text.index("**Exemptions.**"):text.index("Nothing can exempt")]
        for rule in [*(set(RULES) - NEVER_EXEMPT - {"refused", "unavailable"}), *BY_THE_CLOCK, "unavailable/"]:
            self.assertIn(f"`{rule}", table)
        for rule in stalls.EXEMPT:
            self.assertIn(rule.removeprefix("unavailable/"), table)

    def test_all_of_unavailable_is_never_exempt(self) -> None:
        for fault in KINDS.values():
            self.assertNotIn("unavailable", fault.exempt_rules)
            self.assertNotIn("refused", fault.exempt_rules)

    def test_exemptions_last_from_the_fault_to_the_recovery(self) -> None:
        for kind, fault in KINDS.items():
            for exemption in fault(random.Random(1), 3).exemptions(3.0, 9.0):
                lag = BALANCER_LAG_S if exemption.rule == "unavailable/balancer_503" else 0.0
                self.assertEqual((exemption.from_s, exemption.until_s), (3.0, 9.0 + lag))
                self.assertTrue(exemption.why.startswith(kind))


class Chosen(unittest.TestCase):
    def test_all_without_a_word(self) -> None:
        self.assertEqual(chosen(""), sorted(KINDS))

    def test_groups_and_kinds(self) -> None:
        self.assertEqual(chosen("revoke, kill"), sorted(
            [kind for kind, fault in KINDS.items() if fault.group == "kill"] + ["revoke"]))

    def test_an_unknown_word_is_named(self) -> None:
        with self.assertRaisesRegex(ValueError, "flood"):
            chosen("kill,flood")


class Parts(unittest.TestCase):
    def test_numbers_of_bytes_are_small_and_large_and_within_bounds(self) -> None:
        rng = random.Random(1)
        drawn = [size(rng, 20_000) for _ in range(5000)]
        self.assertEqual(min(drawn), 0)
        self.assertLessEqual(max(drawn), 20_000)
        self.assertGreater(sum(n < 100 for n in drawn), 1000)
        self.assertGreater(sum(n > 1000 for n in drawn), 1000)

    def test_a_folder_of_the_machine_is_never_filled(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            inner = Path(folder) / "data"
            inner.mkdir()
            self.assertIn("no file system of its own", not_ours(inner))

    def test_a_filler_leaves_nothing_that_was_not_asked_for(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            filler = Path(folder) / "filler"
            self.assertEqual(fill(filler, 1 << 62), 0)
            self.assertEqual(filler.stat().st_size, 0)

    def test_a_clock_has_its_offset_with_a_sign(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "clock"
            for seconds, text in ((0, "+0.000\n"), (-3.25, "-3.250\n"), (86400, "+86400.000\n")):
                step(file, seconds)
                self.assertEqual(file.read_text(), text)
            self.assertEqual(list(Path(folder).iterdir()), [file])


if __name__ == "__main__":
    unittest.main()
