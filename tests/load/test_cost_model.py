"""The cost model: the fit finds the line that was drawn, and a prediction is plain arithmetic."""
import unittest

from bench.cost_model import COSTS, Assumed, Line, Point, error, fit, fit_line, need

DRAWN = {"service_us": Line(14, 88), "postgres_us": Line(13, 165), "wal_bytes": Line(400, 50)}


def points(*commits: float, noise: float = 0) -> list[Point]:
    return [Point(str(x), x, {cost: DRAWN[cost].at(x) * (1 + noise * (-1) ** n) for cost in COSTS})
            for n, x in enumerate(commits)]


class Fit(unittest.TestCase):
    def test_a_line_is_found(self) -> None:
        found = fit(points(1, 0.5, 0.1, 0.01))
        for cost in COSTS:
            self.assertAlmostEqual(found[cost].an_order, DRAWN[cost].an_order, 6)
            self.assertAlmostEqual(found[cost].a_commit, DRAWN[cost].a_commit, 6)

    def test_errors_are_relative(self) -> None:
        """A large cost that is 10 % off does not bend the line at small ones."""
        line = fit_line([0.01, 0.02, 1], [14.88, 15.76, 112.2])
        self.assertLess(abs(line.at(0.01) / 14.88 - 1), 0.02)

    def test_the_error_of_a_prediction(self) -> None:
        point = Point("2", 0.8, {"service_us": 100})
        self.assertAlmostEqual(error(Line(10, 100), point, "service_us"), -0.1)


class Needs(unittest.TestCase):
    def test_what_a_rate_needs(self) -> None:
        a = Assumed(commit_s=0.001, in_flight=2, most=500, used=0.5, cores=8)
        found = need(DRAWN, 100_000, 300, 1000, a)
        self.assertEqual(found.group, 50)
        self.assertAlmostEqual(found.service_cores, (14 + 88 / 50) * 0.1 / 0.5)
        self.assertAlmostEqual(found.postgres_cores, (13 + 165 / 50) * 0.1 / 0.5)
        self.assertAlmostEqual(found.wal_gb_a_day, 401 * 8.64)
        self.assertAlmostEqual(found.tb_a_year, 300 * 100_000 * 86400 * 365 / 1e12)
        self.assertAlmostEqual(found.mbit, 800)

    def test_a_group_has_bounds(self) -> None:
        self.assertEqual(need(DRAWN, 1, 0, 0).group, 1)
        self.assertEqual(need(DRAWN, 1e9, 0, 0).group, Assumed.most)

    def test_two_replicas_at_least(self) -> None:
        self.assertEqual(need(DRAWN, 1, 0, 0).services, 2)
        self.assertEqual(need(DRAWN, 1e6, 0, 0, Assumed(used=0.5, cores=8)).services, 4)


if __name__ == "__main__":
    unittest.main()
