// page.js - loads /status each second and shows it. If no answer comes, the page says so, and strikes out the old
// figures, because a page that stands still must not look like a healthy service.
import { clock, moment, span } from './format.js';
import { Plots } from './plots.js';
import { Samples } from './samples.js';
import { Tiles } from './tiles.js';

const EVERY_MS = 1000;
const PATIENCE_MS = 2500; // how long to wait for an answer

const at = (id) => document.getElementById(id);
const samples = new Samples();
const tiles = new Tiles(at('tiles'));
const plots = new Plots(at('plots'), samples);
const icon = at('icon').getAttribute('href');

let status = null; // the last answer
let ahead = 0; // ms by which the service's clock is ahead of this one's
let answeredAt = Date.now(); // by this machine's clock
let key = '';
let minutes = 5;

const now = () => Date.now() + ahead;

// ---- asking ----

async function ask(after) {
  const headers = key === '' ? {} : { Authorization: `Bearer ${key}` };
  const response = await fetch(`/status?after=${after}`, { headers, cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS) });
  if (response.status === 401 || response.status === 403) return denied(response.status, await response.json());
  if (!response.ok) throw Object.assign(new Error(`the answer was ${response.status}`), { answered: true });
  const answer = await response.json();
  if (status && after > 0 && answer.started_at !== status.started_at) return ask(0); // after a restart, samples are numbered from 1 again
  if (status && isAnotherReplica(answer)) samples.clear();
  return take(answer);
}

// Behind a load balancer any replica may answer. A replica that was restarted has the same host and a later start.
function isAnotherReplica(answer) {
  return answer.replica.host !== status.replica.host || Date.parse(answer.started_at) < Date.parse(status.started_at);
}

function take(answer) {
  status = answer;
  answeredAt = Date.now();
  ahead = Date.parse(answer.time) - answeredAt;
  samples.add(answer.samples);
  show();
  return true;
}

async function poll() {
  let goOn = true;
  try {
    goOn = await ask(status ? samples.newest?.number ?? 0 : 0);
  } catch (error) {
    silent(error);
  }
  if (goOn) setTimeout(poll, EVERY_MS);
}

// ---- the banner ----

function banner(kind, title, verdict, why) {
  at('banner').className = kind;
  const words = [at('verdict').textContent, ...[...at('why').children].map((item) => item.textContent)];
  if ([verdict, ...why].join('\n') !== words.join('\n')) { // otherwise a screen reader would repeat it each second
    at('verdict').textContent = verdict;
    at('why').replaceChildren(...why.map((text) => Object.assign(document.createElement('li'), { textContent: text })));
  }
  document.title = title === '' ? `ordersd ${location.host}` : `${title} – ordersd ${location.host}`;
  const wanted = kind === 'pass' || kind === 'warn' ? icon : icon.replace('icon.svg', 'icon-out.svg');
  if (at('icon').getAttribute('href') !== wanted) at('icon').setAttribute('href', wanted);
}

function sinceWhen() {
  const outage = samples.outage();
  if (!outage) return '';
  return outage.atStart && outage.since <= Date.parse(status.started_at) + 2000
    ? ` since its start at ${moment(Date.parse(status.started_at), now())}`
    : ` since ${moment(outage.since, now())}`;
}

function showVerdict() {
  if (status.status === 'fail') banner('fail', 'NOT READY', `NOT READY${sinceWhen()}`, status.why);
  else if (status.status === 'warn') banner('warn', '', 'Ready, with a warning', status.why);
  else banner('pass', '', 'Ready', ['Orders are taken and committed.']);
}

function silent(error) {
  document.body.classList.add('stale');
  const why = error.name === 'TimeoutError' ? `no answer within ${PATIENCE_MS / 1000} s` : error.name === 'TypeError' ? 'the service cannot be reached' : error.message;
  const below = status ? ['The figures below are of that moment.'] : [];
  const what = error.answered ? 'NO FIGURES' : 'NO ANSWER';
  banner('silent', what, `${what} since ${clock(answeredAt + ahead)}`, [`From ${location.host}: ${why}.`, ...below]);
  if (status) draw();
}

// Stops loading until there is a key.
function denied(code, problem) {
  at('figures').hidden = true;
  at('ask-key').hidden = code !== 401;
  banner('denied', 'No figures', code === 401 ? 'The figures need a key' : 'The figures are refused', [
    code === 401 ? 'This service shows its figures only to callers with a key (AUTH_METRICS=true).' : '', problem.detail ?? '',
    '/health shows everyone whether the service is ready.'].filter((text) => text !== ''));
  return false;
}

// ---- errors and start ----

function showErrors() {
  const rows = status.last_errors.map((error) => {
    const row = document.createElement('tr');
    row.className = error.level;
    const cell = (text, className, label) => {
      const td = Object.assign(document.createElement('td'), { textContent: text, className });
      if (label) td.dataset.label = label;
      row.append(td);
    };
    cell(moment(Date.parse(error.last_at), now()), '');
    cell(`${error.level === 'error' ? 'error' : 'warning'}: ${error.event}`, 'event');
    cell([error.code, error.text].filter((text) => text !== '').join(': '), '');
    cell(error.count.toLocaleString('en'), 'number', 'times:');
    cell(moment(Date.parse(error.first_at), now()), '', 'first seen:');
    return row;
  });
  at('errors').hidden = rows.length === 0;
  at('no-errors').hidden = rows.length > 0;
  at('no-errors').textContent = `None since the start of the service at ${moment(Date.parse(status.started_at), now())}.`;
  at('errors').tBodies[0].replaceChildren(...rows);
}

function draw() {
  plots.draw(now(), minutes, status.limits);
}

function show() {
  document.body.classList.remove('stale');
  at('ask-key').hidden = true;
  at('figures').hidden = false;
  const { host, pid } = status.replica;
  const of = status.database.replicas > 1 ? `, one of ${status.database.replicas}` : '';
  at('about').textContent = `${status.version} at ${location.host}, replica ${host} (process ${pid})${of}, up ${span(status.uptime_seconds)}`;
  showVerdict();
  tiles.show(samples.newest, status, now());
  showErrors();
  draw();
}

function choose(button) {
  for (const each of at('spans').children) each.setAttribute('aria-pressed', String(each === button));
  minutes = Number(button.dataset.minutes);
  if (status) draw();
}

at('spans').addEventListener('click', (event) => { if (event.target.dataset.minutes) choose(event.target); });
at('ask-key').addEventListener('submit', (event) => {
  event.preventDefault();
  key = at('key').value.trim();
  at('key').value = '';
  poll();
});
at('origin').textContent = location.origin;
choose(at('spans').children[1]);
poll();
