"""The parts of load/run that need no process: what is compared with what, and what the report says."""
import subprocess
import tempfile
import unittest
from pathlib import Path

from bench import figures, measure, plots, process, systems
from bench.plan import Compared, Effort, Plan
from bench.scenarios import QUICK, SCENARIOS
from bench.systems import SYSTEMS


def made(rate: float, p99: float = 1, others: float = 0) -> dict[str, float]:
    return {"orders_per_s": rate, "p50_ms": 1, "p99_ms": p99, "others_share": others, "stolen_share": 0}


class TestFigures(unittest.TestCase):
    def test_a_ratio_is_of_one_round(self) -> None:
        found = figures.ratios(SCENARIOS["singles-64"], [made(200), made(100)], [made(100), made(100)])
        self.assertEqual(found, [2, 1])

    def test_less_latency_is_better(self) -> None:
        self.assertEqual(figures.ratios(SCENARIOS["half-rate"], [made(1, 2)], [made(1, 6)]), [3])

    def test_a_failed_round_is_left_out(self) -> None:
        found = figures.ratios(SCENARIOS["singles-64"], [None, made(100)], [made(100), made(50)])
        self.assertEqual(found, [2])

    def test_medians_are_of_the_rounds_that_have_the_figure(self) -> None:
        found = figures.medians([made(1), None, made(2), made(9) | {"group": 7}])
        self.assertEqual((found["orders_per_s"], found["group"]), (2, 7))

    def test_a_row_says_how_noisy_it_was(self) -> None:
        ordersd = Compared(SYSTEMS["ordersd"], [made(100, others=0.5), made(110), None])
        row = figures.row(SCENARIOS["singles-64"], ordersd, ordersd)
        self.assertEqual((row["doubtful"], row["failed"], row["least"], row["most"], row["ratio"]), (1, 1, 100, 110, None))

    def test_each_row_of_the_table_has_a_cell_for_each_column(self) -> None:
        ordersd = Compared(SYSTEMS["ordersd"], [made(100)])
        row = figures.row(SCENARIOS["singles-64"], ordersd, ordersd)
        self.assertEqual(len(figures.cells(row)), len(figures.HEAD))


class TestPlan(unittest.TestCase):
    def plan(self, scenarios: list[str], available: list[str]) -> Plan:
        return Plan(None, Effort(3, 2), scenarios, available, lambda text: None)

    def test_counts_what_it_will_measure(self) -> None:
        self.assertEqual(self.plan(list(QUICK), ["ordersd"]).total, 2 * 3)
        self.assertEqual(self.plan(["commit-5-64"], ["ordersd", "fixed"]).total, 2 * 3 + len(systems.WORKERS) * 2)

    def test_a_system_that_is_missing_is_left_out(self) -> None:
        plan = self.plan(["singles-64"], ["ordersd", "pgbench"])
        self.assertEqual([system.name for system in plan.systems_of(SCENARIOS["singles-64"])], ["ordersd", "pgbench"])

    def test_another_build_is_measured_in_every_scenario(self) -> None:
        plan = self.plan(list(QUICK), ["ordersd", "before"])
        self.assertEqual([system.name for system in plan.systems_of(SCENARIOS["batch-100"])], ["ordersd", "before"])

    def test_scenarios_name_systems_that_exist(self) -> None:
        for scenario in SCENARIOS.values():
            self.assertLessEqual(set(scenario.against), set(SYSTEMS), scenario.name)


class TestMeasure(unittest.TestCase):
    def test_an_acknowledged_order_must_be_stored(self) -> None:
        found = made(10) | {"orders": 100}
        measure.check(SCENARIOS["singles-64"], SYSTEMS["ordersd"], dict(found), 100)
        with self.assertRaises(process.Failure):
            measure.check(SCENARIOS["singles-64"], SYSTEMS["ordersd"], dict(found), 99)
        measure.check(SCENARIOS["replays"], SYSTEMS["ordersd"], dict(found), 10)  # most of them were stored before

    def test_refused_requests_are_faults_but_in_overload(self) -> None:
        found = made(10) | {"orders": 1, "refused": 3}
        overload = dict(found)
        measure.check(SCENARIOS["overload"], SYSTEMS["ordersd"], overload, 1)
        measure.check(SCENARIOS["singles-64"], SYSTEMS["ordersd"], found, 1)
        self.assertEqual((found["faults"], overload.get("faults")), (3, None))

    def test_this_process_has_cost_something(self) -> None:
        self.assertGreater(process.cpu_us(process.os.getpid()), 0)
        self.assertGreater(process.peak_mib(process.os.getpid()), 1)

    def test_a_process_that_has_ended_costs_nothing(self) -> None:
        child = subprocess.Popen(["true"])
        child.wait()
        self.assertEqual((process.cpu_us(child.pid), process.peak_mib(child.pid)), (0, 0))


class TestPlots(unittest.TestCase):
    def test_nothing_is_drawn_of_nothing(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(plots.draw([], Path(folder)), [])


if __name__ == "__main__":
    unittest.main()
