"""How scripts/screenshots draws the dashboard: the values on an axis, stacked areas, and what a panel overrides."""
import math
import pathlib
import shutil
import tempfile
import unittest
from unittest import mock

import plots
from dashboard import PANELS


def panel(title):
    return next(panel for panel in PANELS if panel['title'] == title and panel['type'] == 'timeseries')


def script_of(shown, series):
    """What gnuplot is told."""
    with tempfile.TemporaryDirectory() as folder, mock.patch('subprocess.run') as run:
        legend = plots.lines(pathlib.Path(folder), 'plot', shown, series, (0, 60), (300, 100))
        run.assert_called_once()
        return legend, (pathlib.Path(folder) / 'plot.gnuplot').read_text()


class Tics(unittest.TestCase):
    def test_reach_the_top_and_have_units(self):
        self.assertEqual(plots.tics(4800, 'ops'), [(0, '0'), (2000, '2k'), (4000, '4k'), (6000, '6k')])
        self.assertEqual([text for _, text in plots.tics(0.1, 's')], ['0', '50 ms', '100 ms'])
        self.assertEqual([text for _, text in plots.tics(0.05, 'percentunit')], ['0', '2%', '4%', '6%'])
        self.assertEqual([text for _, text in plots.tics(300 * 2**20, 'bytes')], ['0', '100 MiB', '200 MiB', '300 MiB'])

    def test_are_there_where_all_is_zero(self):
        self.assertEqual([text for _, text in plots.tics(0, 'short')], ['0', '0.5', '1'])


class Lines(unittest.TestCase):
    def test_areas_are_stacked_and_a_limit_is_not(self):
        busy, idle, allowed = ('busy', [(1, 3.0)]), ('idle', [(1, 13.0)]), ('allowed in flight', [(1, 16.0)])
        legend, script = script_of(panel('Workers'), [busy, idle, allowed])
        self.assertIn('$data0 << END\n1 0 3.0\nEND', script)
        self.assertIn('$data1 << END\n1 3.0 16.0\nEND', script)
        self.assertIn('$data2 << END\n1 0 16.0\nEND', script)
        self.assertIn(f"$data2 using 1:3 with lines lc rgb '{plots.SHADES['red']}' lw 1.3 dt", script)
        self.assertEqual(legend, [(plots.SHADES['orange'], 'busy'), (plots.SHADES['green'], 'idle'), (plots.SHADES['red'], 'allowed in flight')])

    def test_a_stacked_series_of_zeros_hides_no_other(self):
        _, script = script_of(panel('Orders by result'), [('created', [(1, 5.0)]), ('failed', [(1, 0.0)])])
        self.assertIn('$data0', script)
        self.assertNotIn('$data1', script)

    def test_a_gap_adds_nothing_to_what_is_above(self):
        stack = plots.Stack()
        stack.put([(1, math.nan), (2, 4.0)])
        self.assertEqual(stack.put([(1, 1.0), (2, 1.0)]), [(1, 0, 1.0), (2, 4.0, 5.0)])

    def test_a_gap_is_an_empty_line(self):
        _, script = script_of(panel('Oldest order'), [('one', [(1, 1.0), (2, math.nan), (3, 2.0)])])
        self.assertIn('$data0 << END\n1 0 1.0\n\n3 0 2.0\nEND', script)

    def test_thresholds_are_lines_and_belong_to_the_range(self):
        _, script = script_of(panel('Error ratio'), [('127.0.0.1:8080', [(1, 0.0)])])
        self.assertIn('0.05 with lines', script)
        self.assertIn('set yrange [0:0.06]', script)

    @unittest.skipUnless(shutil.which('gnuplot'), 'gnuplot is missing')
    def test_gnuplot_draws_each_panel(self):
        points = [(1, 0.0), (20, 0.04), (40, math.nan), (60, 2.0)]
        for shown in (panel for panel in PANELS if panel['type'] == 'timeseries'):
            with self.subTest(shown['title']), tempfile.TemporaryDirectory() as folder:
                plots.lines(pathlib.Path(folder), 'plot', shown, [('one', points)], (0, 60), (300, 100))
                self.assertIn('</svg>', (pathlib.Path(folder) / 'plot.svg').read_text())

    @unittest.skipUnless(shutil.which('gnuplot'), 'gnuplot is missing')
    def test_gnuplot_draws_a_heatmap(self):
        with tempfile.TemporaryDirectory() as folder:
            plots.heatmap(pathlib.Path(folder), 'plot', [('+Inf', [(1, 5.0)]), ('0.01', [(1, 3.0)])], (0, 60), (300, 100))
            self.assertIn('$cells << END\n1 0 3.0\n1 1 2.0\nEND', (pathlib.Path(folder) / 'plot.gnuplot').read_text())
            self.assertIn('</svg>', (pathlib.Path(folder) / 'plot.svg').read_text())


if __name__ == '__main__':
    unittest.main()
