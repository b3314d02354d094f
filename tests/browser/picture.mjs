// picture.mjs CHROMIUM ADDRESS WIDTH HEIGHT OUT FOLDER [CLICK] - a picture of a page, as PNG; HEIGHT 0: of the whole page. CLICK is
// a selector of what to click first.
import { Chromium } from './chromium.mjs';

const [chromium, address, width, height, out, folder, click] = process.argv.slice(2);
const LOADED = `document.readyState === 'complete' && [...document.images].every((image) => image.complete && image.naturalWidth > 0)`;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const browser = await Chromium.open(chromium, folder);
await browser.openTab();
await browser.look(Number(width), Number(height) || 900, 'light');
await browser.send('Page.navigate', { url: address });
while (!await browser.value(LOADED)) await sleep(100);
if (click) {
  await browser.value(`document.querySelector(${JSON.stringify(click)}).click()`);
  await sleep(25000); // the start of the browser has disturbed a service on the same machine
}
const shown = Number(height) || await browser.value('document.documentElement.scrollHeight');
await browser.look(Number(width), shown, 'light');
await browser.picture(out, { x: 0, y: 0, width: Number(width), height: shown, scale: 1 });
await browser.close();
