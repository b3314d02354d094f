// tiles.js - the large figures of the last second.
import { counted, milliseconds, number, span } from './format.js';

const rate = (sample, ...names) => (names.reduce((sum, name) => sum + sample[name], 0) * 1000) / sample.interval_ms;

// A tile: a title, and a function of a sample and the status that returns [value, unit, details, is it bad].
const TILES = [
  ['Orders stored', (s) => {
    const refused = rate(s, 'rejected', 'turned_away', 'in_doubt', 'failed');
    return [number(rate(s, 'created', 'replayed')), 'a second', `${number(refused)}/s not stored`, s.turned_away + s.in_doubt + s.failed > 0];
  }],
  ['Commit p99', (s) => {
    if (s.commit_p99_us === null) return ['–', '', 'no orders now', false];
    return [...milliseconds(s.commit_p99_us / 1000), `p50 ${milliseconds(s.commit_p50_us / 1000).join(' ')}`, false];
  }],
  ['Group size', (s, { limits }) => [s.groups > 0 ? number(s.grouped_orders / s.groups) : '–', s.groups > 0 ? 'a commit' : '',
    `at most ${counted(limits.group_max, 'order')}`, s.commits_failed > 0]],
  ['Queue', (s, { limits }) => [number(s.queue_depth), s.queue_depth === 1 ? 'order' : 'orders',
    s.queue_depth > 0 ? `the oldest waits ${s.queue_oldest_ms === 0 ? 'less than 1 ms' : milliseconds(s.queue_oldest_ms).join(' ')}` : `room for ${number(limits.queue_capacity)}`,
    s.queue_depth > 0.8 * limits.queue_capacity]],
  ['Pool', (s, { limits }) => [`${number(s.pool_active)} of ${number(limits.max_pool_size)}`, 'in use',
    `${number(s.pool_idle)} idle, ${number(s.pool_waiting)} waiting${s.pool_exhausted > 0 ? ', exhausted' : ''}`, s.pool_waiting > 0 || s.pool_active + s.pool_idle === 0]],
  ['Health check', (s, { last_health_check: check }, now) => {
    if (check.at === null) return ['–', '', 'none yet', false];
    return [span((now - Date.parse(check.at)) / 1000), 'ago',
      check.passed ? `passed in ${milliseconds(check.duration_seconds * 1000).join(' ')}` : 'failed', !check.passed];
  }],
];

export class Tiles {
  constructor(parent) {
    this.all = TILES.map(([title, of]) => {
      const box = document.createElement('div');
      box.className = 'tile';
      box.innerHTML = '<h3></h3><p class="value"><span></span> <span class="unit"></span></p><p class="more"></p>';
      box.firstChild.textContent = title;
      parent.append(box);
      const [value, unit] = box.querySelectorAll('span');
      return { of, box, parts: [value, unit, box.lastChild] };
    });
  }

  show(sample, status, now) {
    for (const { of, box, parts } of this.all) {
      const [value, unit, more, bad] = sample ? of(sample, status, now) : ['–', '', 'no figures yet', false];
      [value, unit, more].forEach((text, i) => { parts[i].textContent = text; });
      box.classList.toggle('bad', bad);
    }
  }
}
