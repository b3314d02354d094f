// format.js - formats numbers, durations and moments for the page. The result has its unit, or the caller shows the
// unit beside it.
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const two = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });

// Formats a number with two decimals at most below 10, one below 100, and none from 100, and separates thousands.
export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  const size = Math.abs(value);
  return (size >= 100 ? whole : size >= 10 ? one : two).format(value);
}

// Returns the number and the noun that it counts: the singular for 1, else the plural.
export const counted = (n, word, words = `${word}s`) => `${number(n)} ${n === 1 ? word : words}`;

export function milliseconds(ms) {
  if (ms === null || ms === undefined) return ['–', ''];
  return ms < 1000 ? [number(ms), 'ms'] : [number(ms / 1000), 's'];
}

export function span(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${counted(Math.floor(s / 86400), 'day')} ${Math.floor((s % 86400) / 3600)} h`;
}

const two_digits = (n) => String(n).padStart(2, '0');

export function clock(ms, seconds = true) {
  const at = new Date(ms);
  const text = `${two_digits(at.getHours())}:${two_digits(at.getMinutes())}`;
  return seconds ? `${text}:${two_digits(at.getSeconds())}` : text;
}

// Formats a moment. Shows the day too, unless it is the day of `now`.
export function moment(ms, now) {
  const at = new Date(ms);
  if (at.toDateString() === new Date(now).toDateString()) return clock(ms);
  return `${at.toLocaleDateString('en', { month: 'short', day: 'numeric' })} ${clock(ms)}`;
}
