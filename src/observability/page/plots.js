// plots.js - draws the plots of the last minutes with dygraphs, which page.html loads as window.Dygraph.
import { clock, number } from './format.js';

// The legend of dygraphs writes inline styles, which our Content-Security-Policy forbids. So we show a list above
// the plot.
const { Dygraph } = window;
Dygraph.PLUGINS = Dygraph.PLUGINS.filter((plugin) => plugin !== Dygraph.Plugins.Legend);

const rate = (name) => (row) => (row[name] * 1000) / row.interval_ms;
const value = (name) => (row) => row[name];
const inMs = (name) => (row) => (row[name] === null ? null : row[name] / 1000);

// A series: its name, its value in a sample, and the number of its colour.
const PLOTS = [
  { title: 'Orders a second', unit: '/s', whole: true, stacked: true, series: [
    ['stored', rate('created'), 1], ['stored before', rate('replayed'), 2], ['rejected', rate('rejected'), 3],
    ['turned away (503)', rate('turned_away'), 4], ['in doubt (504)', rate('in_doubt'), 5], ['failed', rate('failed'), 6]] },
  { title: 'Commit latency, from receipt', unit: ' ms', series: [
    ['p50', inMs('commit_p50_us'), 1], ['p99', inMs('commit_p99_us'), 3]] },
  { title: 'Group size: orders a commit', unit: '', series: [
    ['mean of a second', (row) => (row.groups > 0 ? row.grouped_orders / row.groups : null), 1]] },
  { title: 'Queue: orders that wait', unit: '', whole: true, series: [['waiting', value('queue_depth'), 1]] },
  { title: 'Pool: connections', unit: '', whole: true, limit: 'max_pool_size', series: [
    ['active', value('pool_active'), 1], ['idle', value('pool_idle'), 2], ['threads waiting', value('pool_waiting'), 4]] },
  { title: 'Pool: trouble a second', unit: '/s', whole: true, series: [
    ['found it exhausted', rate('pool_exhausted'), 3], ['connection errors', rate('pool_errors'), 4]] },
];

const ROOM = 1.15; // the height of a plot, as a multiple of its highest line or limit
const LIMIT_SHOWN = 0.5; // a limit is drawn if the highest line reaches this part of it

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const element = (tag, className, text = '') => Object.assign(document.createElement(tag), { className, textContent: text });

class Plot {
  constructor(spec, samples) {
    Object.assign(this, spec, { samples, limitAt: null, hovered: null, drawn: null });
    this.box = element('section', 'plot');
    this.keys = element('ul', 'keys');
    this.canvas = element('div', 'canvas');
    this.values = this.series.map(([name, , line]) => this.addKey(name, `line-${line}`));
    if (this.limit) this.limitValue = this.addKey('at most', 'line-6 dashed');
    this.box.append(element('h3', '', this.title), this.keys, this.canvas);
    new ResizeObserver(() => this.resize()).observe(this.canvas);
  }

  addKey(name, className) {
    const item = element('li', className), shown = element('b', '', '–');
    item.append(element('i', ''), `${name} `, shown);
    this.keys.append(item);
    return shown;
  }

  // dygraphs cannot draw into a hidden element, which has no size.
  get hasSize() { return this.canvas.clientWidth > 0 && this.canvas.clientHeight > 0; }

  resize() {
    if (!this.hasSize) return;
    if (this.graph) this.graph.resize();
    else if (this.last) this.draw(...this.last);
  }

  // Returns one row for each sample, and a row of nulls at the start of a gap, so that no line is drawn across it.
  table(from, now) {
    const rows = [];
    let end = null;
    for (const row of this.samples.rows) {
      if (row.at_ms < from - 2000) continue;
      if (end !== null && row.at_ms - row.interval_ms - end > 1500) rows.push([new Date(end + 1), ...this.series.map(() => null)]);
      rows.push([new Date(row.at_ms), ...this.series.map(([, of]) => of(row))]);
      end = row.at_ms;
    }
    return rows.length > 0 ? rows : [[new Date(now), ...this.series.map(() => null)]];
  }

  top(rows, from) {
    let most = 0;
    for (const [at, ...values] of rows)
      if (at >= from) most = Math.max(most, this.stacked ? values.reduce((a, b) => a + (b ?? 0), 0) : Math.max(...values.map((v) => v ?? 0)));
    this.limitAt = this.limitMost && most >= LIMIT_SHOWN * this.limitMost ? this.limitMost : null;
    return Math.max(most, this.limitAt ?? 0, this.whole ? 3 : 1) * ROOM;
  }

  draw(now, minutes, limits) {
    this.last = [now, minutes, limits];
    this.limitMost = limits[this.limit];
    this.now = now;
    const from = now - minutes * 60000, rows = this.table(from, now);
    this.rows = rows;
    const view = { file: rows, dateWindow: [from, now], valueRange: [0, this.top(rows, from)] };
    if (this.graph) this.graph.updateOptions(view);
    else if (this.hasSize) this.graph = this.open(view);
    this.showValues();
  }

  open({ file, dateWindow, valueRange }) {
    return new Dygraph(this.canvas, file, {
      labels: ['time', ...this.series.map(([name]) => name)],
      dateWindow, valueRange, interactionModel: {}, stackedGraph: this.stacked ?? false,
      stackedGraphNaNFill: 'none', fillAlpha: 0.35, strokeWidth: 1.75, highlightCircleSize: 3, rightGap: 6, xRangePad: 0,
      axes: {
        x: { pixelsPerLabel: 90, axisLabelWidth: 64, axisLabelFormatter: (at, granularity, options, g) => this.timeLabel(at, g) },
        y: { axisLabelWidth: 58, pixelsPerLabel: 34, axisLabelFormatter: (v) => this.valueLabel(v) },
      },
      underlayCallback: (context, area, g) => this.shade(context, area, g),
      highlightCallback: (event, x, points, row) => { this.hovered = row; this.showValues(); },
      unhighlightCallback: () => { this.hovered = null; this.showValues(); },
      ...this.colours(),
    });
  }

  colours() {
    return { colors: this.series.map(([, , line]) => colour(`--line-${line}`)), axisLineColor: colour('--edge'), gridLineColor: colour('--grid') };
  }

  recolour() {
    this.graph?.updateOptions(this.colours());
  }

  valueLabel(v) {
    return this.whole && !Number.isInteger(v) ? '' : number(v) + this.unit;
  }

  // Returns the label of a time, or no label if half of it would be outside of the plot.
  timeLabel(at, g) {
    const x = g.toDomXCoord(at.getTime()), { x: left, w } = g.getArea();
    if (x < left + 24 || x > left + w - 24) return '';
    return clock(at.getTime(), at.getSeconds() !== 0);
  }

  shade(context, area, g) {
    const fill = (name) => ([from, to]) => {
      const left = Math.max(area.x, g.toDomXCoord(from)), right = Math.min(area.x + area.w, g.toDomXCoord(to));
      context.fillStyle = colour(name);
      if (right > left) context.fillRect(left, area.y, right - left, area.h);
    };
    this.samples.stretches((row) => row.ready === 0).forEach(fill('--out'));
    this.samples.gaps(this.now).forEach(fill('--silent'));
    if (this.limitAt) this.drawLimit(context, area, g.toDomYCoord(this.limitAt));
  }

  drawLimit(context, area, y) {
    context.save();
    context.strokeStyle = colour('--line-6');
    context.setLineDash([6, 4]);
    context.beginPath();
    context.moveTo(area.x, y);
    context.lineTo(area.x + area.w, y);
    context.stroke();
    context.restore();
  }

  // Shows the values of the second under the pointer, else of the last sample, if there is one.
  showValues() {
    const newest = this.samples.newest, fresh = newest && this.now - newest.at_ms < 3000;
    const row = this.hovered !== null ? this.rows[this.hovered]?.slice(1) : fresh ? this.series.map(([, of]) => of(newest)) : [];
    this.values.forEach((shown, i) => {
      const v = row?.[i];
      shown.textContent = v === null || v === undefined ? '–' : number(v) + this.unit;
    });
    if (this.limit) this.limitValue.textContent = number(this.limitMost);
  }
}

export class Plots {
  constructor(parent, samples) {
    this.all = PLOTS.map((spec) => new Plot(spec, samples));
    parent.append(...this.all.map((plot) => plot.box));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.all.forEach((plot) => plot.recolour()));
  }

  draw(now, minutes, limits) {
    for (const plot of this.all) plot.draw(now, minutes, limits);
  }
}
