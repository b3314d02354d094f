"""What a run says at its end, and how it is kept."""
import tempfile
import unittest
from pathlib import Path

from chaos import results
from chaos.audit import Exempted
from chaos.results import HARNESS_FAILED, INJECTED, MISSING, NO_EFFECT, NOT_NOW, FaultRecord, Result


def fault(kind: str, recovery_s: float | None, overlapped: bool = False, state: str = INJECTED) -> FaultRecord:
    healed = 10.0
    recovered = None if recovery_s is None else healed + recovery_s
    return FaultRecord(kind, "kill", 1.0, f"{kind}: why", state, 2.0, healed, recovered, overlapped)


class TestResults(unittest.TestCase):
    def test_recovery_by_fault(self) -> None:
        result = Result(1, 1, 60.0, [fault("kill_primary", 1.0), fault("kill_primary", 5.0, overlapped=True),
                                     fault("kill_primary", 3.0), fault("stop_primary", None)])
        lines = results.fault_lines([result])
        self.assertEqual(lines[1].split(), "kill_primary 3 3.0 / 5.0 2.0 / 3.0".split())
        self.assertEqual(lines[2].split(), "stop_primary 1 - (1 not seen) -".split())

    def test_what_could_not_be_injected_is_said(self) -> None:
        text = results.summary([Result(1, 1, 60.0, [fault("full_disk", None, state=MISSING)])])
        self.assertIn("SKIPPED full_disk: why", text)

    def test_what_was_left_out_is_said(self) -> None:
        text = results.summary([Result(1, 1, 60.0, [fault("a", None, state=NOT_NOW)] * 2)])
        self.assertIn("left out, since their moment was not right: a 2", text)

    def test_what_had_no_effect_is_said_and_has_no_recovery(self) -> None:
        result = Result(1, 1, 60.0, [fault("a", 1.0, state=NO_EFFECT), fault("b", 1.0)])
        text = results.summary([result])
        self.assertIn("had no effect, and not counted above: a 1", text)
        self.assertEqual(list(results.recoveries([result])), ["b"])
        self.assertEqual(Result(1, 1, 60.0, [fault("a", 1.0, state=NO_EFFECT)]).exit_code(), 77)

    def test_exemptions_are_counted_by_rule_and_reason(self) -> None:
        one, two = (Result(1, 1, 60.0, [fault("a", 1.0)], stalls=[(1.0, 4.0)]) for _ in range(2))
        one.note_exempted(Exempted({("late", "the machine stood still"): 3, ("late", "stop_ordersd: away"): 1,
                                  ("unanswered", "kill_ordersd: away"): 2}))
        two.note_exempted(Exempted({("late", "the machine stood still"): 4}))
        text = results.summary([one, two])
        self.assertIn("exempted late 8: the machine stood still 7, stop_ordersd: away 1\n", text)
        self.assertIn("exempted unanswered 2: kill_ordersd: away 2\n", text)
        self.assertIn("the machine stood still 2 times, for 6 s in all", text)

    def test_exit_code(self) -> None:
        injected, missing = fault("a", 1.0), fault("b", None, state=MISSING)
        wrong = {"rule": "lost"}
        self.assertEqual(Result(1, 1, 60.0, [injected, missing]).exit_code(), 0)
        self.assertEqual(Result(1, 1, 60.0, [missing]).exit_code(), 77)
        self.assertEqual(Result(1, 1, 60.0, [injected], violations=[wrong]).exit_code(), 1)
        failed = fault("a", None, state=HARNESS_FAILED)
        self.assertEqual(Result(1, 1, 60.0, [failed], trouble="it fell over").exit_code(), 3)
        self.assertEqual(Result(1, 1, 60.0, [injected], violations=[wrong], trouble="too").exit_code(), 1)

    def test_a_result_comes_back_from_its_file(self) -> None:
        result = Result("s", 3, 60.0, [fault("a", 1.0)], {"created": 5}, {"single": 5}, 5, stalls=[(1.0, 2.0)])
        result.note_exempted(Exempted({("late", "slow"): 3}))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "deep" / "results.jsonl"
            result.append_to(path)
            result.append_to(path)
            self.assertEqual(results.load(path), [result, result])

    def test_a_file_of_an_earlier_run_is_read(self) -> None:
        earlier = ('{"seed":1,"replicas":1,"seconds":60.0,"faults":[{"kind":"a","group":"kill","planned":1.0,"text":"",'
                   '"state":"broken","alone":false}],"excused":{"late":{"slow":3}},"stalls":[]}\n')
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "results.jsonl"
            path.write_text(earlier)
            result, = results.load(path)
        self.assertEqual((result.faults[0].state, result.faults[0].overlapped), (HARNESS_FAILED, True))
        self.assertEqual(result.exempted, {"late": {"slow": 3}})


if __name__ == "__main__":
    unittest.main()
