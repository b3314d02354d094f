"""One panel of the dashboard as a plot by gnuplot: the lines, areas, units, colours and thresholds that its JSON asks for."""
import math
import subprocess

SHADES = {'green': '#56a64b', 'blue': '#3274d9', 'orange': '#ff780a', 'red': '#e02f44', 'dark-red': '#ad0317', 'yellow': '#e0b400', 'purple': '#a352cc'}
PALETTE = ['#7eb26d', '#eab839', '#6ed0e0', '#ef843c', '#e24d42', '#1f78c1', '#ba43a9', '#705da0', '#508642', '#cca300', '#447ebc', '#c15c17']
SIZES = {'percentunit': [(0.01, '%')], 'bytes': [(2**20, ' MiB')], 's': [(1, ' s'), (1e-3, ' ms'), (1e-6, ' µs')]}
COUNTS = [(1e6, 'M'), (1e3, 'k'), (1, '')]
STYLE = """set terminal svg size {width},{height} font 'DejaVu Sans,10' background rgb 'white'
set output '{name}.svg'
set xdata time
set timefmt '%s'
set format x '%H:%M:%S'
set xrange ['{begin}':'{end}']
set xtics 60 nomirror
set ytics nomirror
set grid ytics lc rgb '#e4e4e8' lt 1
set border 3 lc rgb '#9a9aa2'
set tmargin 0.7
set rmargin 3
unset key
"""


def shade(panel, name, index):
    """The colour and the other settings of a series, where the panel overrides them."""
    settings = {'color': {'fixedColor': PALETTE[index % len(PALETTE)]}}
    for override in panel['fieldConfig']['overrides']:
        if override['matcher']['options'] == name:
            settings.update({setting['id']: setting['value'] for setting in override['properties']})
    colour = settings['color']['fixedColor']
    return SHADES.get(colour, colour), settings


def tics(top, unit):
    """About four values from 0 to at least `top`, as [(value, label)]."""
    base = 2**20 if unit == 'bytes' else 1
    least = (top or 1) / base / 4
    power = 10 ** math.floor(math.log10(least))
    step = base * next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least)
    values = [step * i for i in range(math.ceil((top or 1) / step) + 1)]
    sizes = SIZES.get(unit, COUNTS)
    size, name = next((entry for entry in sizes if step >= entry[0]), sizes[-1])
    return [(value, f'{value / size:g}{name}' if value > 0 else '0') for value in values]


def block(name, points):
    """An empty line, and so a gap, where a value is NaN."""
    return f'${name} << END\n' + '\n'.join(' '.join(str(value) for value in point) if point[-1] == point[-1] else '' for point in points) + '\nEND\n'


def gnuplot(folder, name, script):
    path = folder / f'{name}.gnuplot'
    path.write_text(script)
    subprocess.run(['gnuplot', path.name], cwd=folder, check=True, timeout=60)


class Stack:
    """Where the next area of a stacked panel begins."""

    def __init__(self):
        self.top = {}

    def put(self, points):
        placed = []
        for time, value in points:
            below = self.top.get(time, 0)
            self.top[time] = below + (value if value == value else 0)  # not NaN
            placed.append((time, below, below + value))
        return placed


def highest(placed, limits):
    return max([high for points in placed for _, _, high in points if high == high] + limits, default=0)


def lines(folder, name, panel, series, span, size):
    """`series`: [(legend, [(time, value)])]. Returns the legend: [(colour, text)]."""
    defaults = panel['fieldConfig']['defaults']
    script, legend, plots, placed, stack = '', [], [], [], Stack()
    for i, (text, points) in enumerate(series):
        colour, settings = shade(panel, text, i)
        legend.append((colour, text))
        custom = {**defaults['custom'], **{key.removeprefix('custom.'): value for key, value in settings.items()}}
        stacked = custom['stacking']['mode'] == 'normal'
        placed.append(stack.put(points) if stacked else [(time, 0, value) for time, value in points])
        if not any(value > 0 or (value == 0 and not stacked) for _, value in points):
            continue  # there is nothing to see
        script += block(f'data{i}', placed[-1])
        if custom['fillOpacity'] > 0:
            plots.append(f"$data{i} using 1:2:3 with filledcurves lc rgb '{colour}' fs transparent solid {custom['fillOpacity'] / 100} noborder")
        height = '(column(3) > column(2) ? column(3) : NaN)' if stacked else '3'  # else it would hide the line below
        plots.append(f"$data{i} using 1:{height} with lines lc rgb '{colour}' lw 1.3{' dt (6,6)' if 'lineStyle' in custom else ''}")
    shown = defaults['custom']['thresholdsStyle']['mode'] == 'line'
    limits = [step for step in defaults['thresholds']['steps'] if shown and step['value'] is not None]
    plots += [f"{step['value']} with lines lc rgb '{SHADES[step['color']]}' lw 1 dt (3,3)" for step in limits]
    marks = tics(highest(placed, [step['value'] for step in limits]), defaults['unit'])
    script += STYLE.format(name=name, begin=span[0], end=span[1], width=size[0], height=size[1]) + f'set yrange [0:{marks[-1][0]}]\n'
    script += 'set ytics (' + ', '.join(f"'{text.replace('%', '%%')}' {value}" for value, text in marks) + ')\n'
    gnuplot(folder, name, script + 'plot ' + (', '.join(plots) or '0') + '\n')
    return legend


def heatmap(folder, name, series, span, size):
    """`series`: [(upper limit, [(time, orders a second up to that limit)])]."""
    series = sorted(series, key=lambda entry: float(entry[0]))
    limits = [limit for limit, points in series]
    cells, below = [], {}
    for row, (_, points) in enumerate(series):
        for time, value in points:
            cells.append((time, row, max(value - below.get(time, 0), 0)))
            below[time] = value
    script = STYLE.format(name=name, begin=span[0], end=span[1], width=size[0], height=size[1])
    marks = ', '.join(f"'{float(limit):g} s' {row}" for row, limit in enumerate(limits) if row % 2 == 0 and limit != '+Inf')
    script += f"set ytics ({marks})\nset yrange [-0.5:{len(limits) - 0.5}]\nset format cb '%.0s%c'\nset colorbox\n"
    script += "set palette defined (0 '#ffffff', 1 '#fdd0a2', 2 '#fd8d3c', 3 '#a63603')\n" + block('cells', cells)
    gnuplot(folder, name, script + 'plot $cells using 1:2:3 with image pixels\n')
    return []
