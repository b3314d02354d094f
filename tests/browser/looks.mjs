// looks.mjs - expressions, for the page to evaluate, that list what a person would complain about.

// What ends to the right of the window, but for what scrolls or hides by itself; and whether the page itself scrolls sideways.
export const STICKING_OUT = `(() => {
  const wide = document.documentElement.scrollWidth;
  return [...document.querySelectorAll('body *')]
    .filter((e) => e.getClientRects().length > 0 && !e.closest('.canvas, pre, thead') && e.getBoundingClientRect().right > innerWidth + 0.5)
    .map((e) => e.outerHTML.slice(0, 80))
    .concat(wide > innerWidth ? ['the page is ' + wide + ' px wide'] : []); })()`;

// Neighbours on the time axis that are nearer than a space.
export const TOUCHING = `[...document.querySelectorAll('.canvas')].flatMap((canvas) => {
  const labels = [...canvas.querySelectorAll('.dygraph-axis-label-x')].filter((e) => e.innerText !== '').map((e) => {
    const range = document.createRange();
    range.selectNodeContents(e);
    return { box: range.getBoundingClientRect(), text: e.innerText }; });
  labels.sort((a, b) => a.box.left - b.box.left);
  return labels.slice(1).filter(({ box }, i) => box.left - labels[i].box.right < 4).map(({ text }) => text); })`;

// Text whose colour is too near to what is behind it: less than 4.5:1, as WCAG 2.1 AA has it.
export const PALE = `(() => {
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const linear = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const opaque = (colour) => colour.length === 3 || colour[3] === 1;
  const behind = (e) => {
    for (; e; e = e.parentElement) if (opaque(numbers(getComputedStyle(e).backgroundColor))) return numbers(getComputedStyle(e).backgroundColor);
    return [255, 255, 255]; };
  const contrast = (e) => {
    const [dark, pale] = [luminance(numbers(getComputedStyle(e).color)), luminance(behind(e))].sort((a, b) => a - b);
    return (pale + 0.05) / (dark + 0.05); };
  return [...document.querySelectorAll('body *')]
    .filter((e) => e.getClientRects().length > 0 && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim() !== ''))
    .filter((e) => contrast(e) < 4.5)
    .map((e) => contrast(e).toFixed(1) + ' ' + e.tagName + '.' + e.className + ' ' + e.innerText.slice(0, 20)); })()`;
