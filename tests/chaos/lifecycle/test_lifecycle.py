"""The pure parts of this folder: percentiles, plans, reports, and which commit is the previous release."""
import asyncio
import pathlib
import re
import tempfile
import unittest
from unittest import mock

from chaos import faults, results, wait
from chaos.handmade import post
from chaos.lifecycle import COMMANDS, measure, operations, outcome, previous, soak


class Measures(unittest.TestCase):
    def test_a_percentile_is_one_of_the_values(self) -> None:
        values = [5.0, 1.0, 4.0, 2.0, 3.0]
        self.assertEqual(measure.percentile(values, 50), 3.0)
        self.assertEqual(measure.percentile(values, 99), 5.0)
        self.assertEqual(measure.percentile(values, 1), 1.0)

    def test_no_values_have_no_percentile(self) -> None:
        self.assertNotEqual(measure.percentile([], 50), measure.percentile([], 50))

    def test_a_probe_without_an_answer_is_counted(self) -> None:
        probes = measure.Probes()
        probes.add(b'{"path": "/health/live", "status": 200, "seconds": 0.001}')
        probes.add(b'{"path": "/health/live", "status": null, "seconds": 5.0}')
        self.assertEqual(probes.unanswered(), 1)
        self.assertIn("1 x no answer", probes.report()[0])


class Reports(unittest.TestCase):
    def test_what_is_broken_decides(self) -> None:
        kept, broken, skipped = outcome.Outcome("a"), outcome.Outcome("b"), outcome.Outcome("c", skipped="no history")
        broken.expect(False, "lost")
        self.assertEqual(outcome.exit_code([kept, skipped]), 0)
        self.assertEqual(outcome.exit_code([kept, broken, skipped]), 1)

    def test_nothing_tested_is_skipped_and_not_passed(self) -> None:
        self.assertEqual(outcome.exit_code([outcome.Outcome("c", skipped="no history")]), 77)

    def test_a_harness_that_failed_is_neither_kept_nor_skipped(self) -> None:
        troubled, broken = outcome.Outcome("d", trouble=["heal failed"]), outcome.Outcome("b", broken=["lost"])
        self.assertEqual(outcome.exit_code([outcome.Outcome("a"), troubled]), 3)
        self.assertEqual(outcome.exit_code([broken, troubled]), 1)
        self.assertIn("HARNESS FAILED heal failed", outcome.report([troubled]))

    def test_a_report_says_what_was_skipped_and_broken(self) -> None:
        broken, skipped = outcome.Outcome("b"), outcome.Outcome("c", skipped="no history")
        broken.expect(False, "order 7 is lost")
        text = outcome.report([broken, skipped])
        self.assertIn("SKIPPED: no history", text)
        self.assertIn("- order 7 is lost", text)


class Plans(unittest.TestCase):
    def test_each_kind_has_its_turn(self) -> None:
        kinds = sorted(faults.KINDS)
        turn = [soak.kind_of(1, minute, kinds) for minute in range(len(kinds))]
        self.assertEqual(sorted(turn), kinds)

    def test_a_plan_does_not_depend_on_where_a_chapter_begins(self) -> None:
        kinds = sorted(faults.KINDS)
        whole = soak.plan(1, 0, 8, kinds, 3)
        later = soak.plan(1, 5, 3, kinds, 3)
        self.assertEqual([str(p.fault) for p in whole[5:]], [str(p.fault) for p in later])

    def test_a_fault_begins_in_its_minute(self) -> None:
        planned = soak.plan(2, 0, 5, sorted(faults.KINDS), 3)
        self.assertEqual([int(p.at // 60) for p in planned], [0, 1, 2, 3, 4])


class Courses(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / "logs").mkdir()
        self.world = mock.AsyncMock(logs=self.folder / "logs", replicas=[], timeline=[(1.0, "SIGTERM")])
        self.arguments = mock.Mock(program=self.folder / "ordersd", command="drain", seed=7)
        self.outcome, self.said = outcome.Outcome("drain: well"), list[str]()

    async def course(self, error: Exception | None = None, otherwise: str = "") -> None:
        async with outcome.course(self.outcome, self.world, self.arguments, self.said.append) as history:
            history.append(post(1, 2, "created"))
            self.beside = asyncio.create_task(asyncio.sleep(99))
            self.outcome.expect(not otherwise, otherwise)
            if error:
                raise error

    async def test_a_case_that_is_kept_leaves_nothing(self) -> None:
        await self.course()
        self.assertEqual((self.outcome.broken, self.said), ([], []))
        self.world.close.assert_awaited_once()
        self.beside.cancel()

    async def test_a_broken_promise_explains_itself(self) -> None:
        await self.course(otherwise="the exit code is 3")
        out = self.folder / "chaos/drain-7/drain-well"
        self.assertEqual(self.said, [f"what happened: {out}/timeline.txt"])
        text = (out / "timeline.txt").read_text()
        self.assertIn("the exit code is 3", text)
        self.assertIn("SIGTERM", text)
        self.assertTrue((out / "history.jsonl").is_file() and (out / "logs").is_dir())
        self.beside.cancel()

    async def test_what_does_not_come_in_time_is_a_broken_promise(self) -> None:
        await self.course(wait.TooLate("replica-0 is ready: not within 20 s"))
        self.assertEqual(self.outcome.broken, ["replica-0 is ready: not within 20 s"])
        self.assertEqual(outcome.exit_code([self.outcome]), 1)
        await asyncio.sleep(0)
        self.assertTrue(self.beside.cancelled())

    async def test_a_world_that_does_not_begin_is_trouble(self) -> None:
        self.world.start.side_effect = wait.TooLate("every replica is ready")
        with self.assertRaises(wait.TooLate):
            await self.course()
        self.world.close.assert_awaited_once()


class Soaks(unittest.TestCase):
    def concluded(self, state: str, *trouble: str) -> int:
        record = results.FaultRecord("a", "kill", 1.0, "", state)
        made = outcome.Outcome("soak")
        soak.conclude(made, [soak.Chapter(5, faults=[record], trouble=list(trouble)), soak.Chapter(5)])
        return outcome.exit_code([made])

    def test_a_soak_without_a_fault_is_skipped(self) -> None:
        states = (results.INJECTED, results.MISSING, results.NO_EFFECT)
        self.assertEqual([self.concluded(state) for state in states], [0, 77, 77])

    def test_a_fault_that_could_not_be_healed_is_trouble(self) -> None:
        self.assertEqual(self.concluded(results.INJECTED, "heal failed"), 3)

    def test_a_replica_that_does_not_come_back_breaks_a_promise(self) -> None:
        world = mock.Mock(ready=mock.AsyncMock(return_value=False))
        with mock.patch.object(soak, "REST_S", 0.0):
            self.assertEqual([v.rule for v in asyncio.run(soak.not_ready(world))], ["rest/ready"])


class Previous(unittest.TestCase):
    def test_the_previous_release_is_a_whole_commit_or_a_tag(self) -> None:
        self.assertRegex(previous.commit(), re.compile(r"^([0-9a-f]{40}|v\d+\.\d+\.\d+)$"))


    def test_without_a_history_the_test_is_skipped_and_says_why(self) -> None:
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(previous, "ROOT", pathlib.Path(folder)):
            with self.assertRaisesRegex(previous.Missing, previous.commit()):
                asyncio.run(previous.program(pathlib.Path(folder)))


class Operations(unittest.TestCase):
    def in_order(self, page: str, *words: str) -> list:
        with tempfile.TemporaryDirectory() as folder:
            (path := pathlib.Path(folder) / "page.md").write_text(page)
            with mock.patch.object(operations, "PAGE", path):
                return operations.in_order({word: word for word in words})

    def test_the_steps_are_followed_in_the_order_of_the_page(self) -> None:
        page = "\n## Upgrades\n\n1. One of\n   two lines.\n2. Two.\n\nText.\n\n## Growth\n\n1. Three.\n"
        self.assertEqual(self.in_order(page, "Two", "One of two"), ["One of two", "Two"])

    def test_a_step_that_is_not_known_or_not_there_is_a_fault(self) -> None:
        page = "\n## Upgrades\n\n1. One.\n2. Two.\n"
        for words in (["One"], ["One", "Two", "Three"]):
            with self.assertRaises(RuntimeError):
                self.in_order(page, *words)

    def test_the_page_has_steps(self) -> None:
        self.assertGreaterEqual(len(operations.steps()), 4)


class Commands(unittest.TestCase):
    def test_each_command_has_its_module(self) -> None:
        for name in COMMANDS:
            self.assertTrue((previous.ROOT / "tests/chaos/lifecycle" / f"{name}.py").is_file(), name)


if __name__ == "__main__":
    unittest.main()
