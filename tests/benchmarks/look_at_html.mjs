// Looks at HTML pages in Chromium: heights, overflow, policy violations, foreign requests, axe-core, html-validate; and
// takes pictures.
//
//   npm install playwright-core axe-core html-validate       (in any folder; run this file from there)
//   driftcli report BUNDLE -o html=pages/drift.html -o html=pages/drift/
//   driftcli inspect ref -f html > pages/inspect.html
//   CHROMIUM=/usr/bin/chromium node look_at_html.mjs pages [pictures/]
//
// Every page is opened as a file and, where a folder of its name stands beside it, as a folder, the folder also as
// Jenkins serves it; at several widths, light and dark, scripts on and off. One line for each finding, exit code 1 if
// there is any; one line for each height, in screens of 1280 x 800 and 390 x 844 pixels. axe-core looks at the page as
// it opens and with everything unfolded. Limits, by the page's name: one that begins with `pass` is at most 3 screens
// at 1280 px, with `drift` 8; at 390 px verdict and strip lie on the first two screens of any report. Not part of the
// test suite: it needs a browser and node.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';

const require = createRequire(path.join(process.cwd(), 'here.js'));
const { chromium } = require('playwright-core');
const { HtmlValidate } = require('html-validate');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const JENKINS = "sandbox; default-src 'none'; img-src 'self'; style-src 'self'";
const TYPES = { '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.webp': 'image/webp' };
const SCREENS = { 1280: 800, 390: 844 };
const LIMITS = { pass: 3, drift: 8 };
const RULES = { extends: ['html-validate:recommended'] };
const LOOKS = [[1280, false, false], [1280, true, true], [390, false, false], [390, true, true], [768, false, true], [1920, false, false]];

const [folder, pictures] = process.argv.slice(2).map(name => path.resolve(name));
const names = readdirSync(folder).filter(name => name.endsWith('.html')).map(name => name.slice(0, -5));
const foldered = name => existsSync(path.join(folder, name, 'index.html'));
if (pictures) mkdirSync(pictures, { recursive: true });
let findings = 0;
const say = line => { findings += 1; console.log(line); };

const server = createServer((request, answer) => {
  const file = path.join(folder, path.normalize(decodeURIComponent(new URL(request.url, 'http://x').pathname)));
  if (!existsSync(file)) return answer.writeHead(404).end();
  answer.writeHead(200, { 'Content-Type': TYPES[path.extname(file)] ?? 'application/octet-stream', 'Content-Security-Policy': JENKINS });
  answer.end(readFileSync(file));
});
await new Promise(ready => server.listen(0, '127.0.0.1', ready));
const served = `http://127.0.0.1:${server.address().port}/`;
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });

async function open(url, [width, dark, scripts], bypassCSP = false) {
  const context = await browser.newContext({ viewport: { width, height: SCREENS[width] ?? 900 }, colorScheme: dark ? 'dark' : 'light', javaScriptEnabled: scripts, bypassCSP });
  return { context, page: await context.newPage(), url };
}

// Heights in screens, and on a phone where the strip ends.
async function measure(page, name, [width, dark, scripts], height, where) {
  const screen = SCREENS[width];
  if (!screen || dark || scripts) return;
  const ends = await page.locator('.strip').last().boundingBox({ timeout: 500 }).catch(() => null);
  const strip = ends ? `, verdict and strip end at ${((ends.y + ends.height) / screen).toFixed(1)}` : '';
  console.log(`${name} ${width} px: ${(height / screen).toFixed(1)} screens of ${screen} px${strip}`);
  const limit = Object.entries(LIMITS).find(([kind]) => name.startsWith(kind))?.[1];
  if (width === 1280 && limit && height > limit * screen) say(`${where}: more than ${limit} screens`);
  if (width === 390 && ends && ends.y + ends.height > 2 * screen) say(`${where}: verdict and strip take more than two screens`);
}

// In the page: tables that are wider than their place, and words that are broken in two lines.
function cut() {
  const lines = [];
  for (const place of document.querySelectorAll('.scroll:not(.wide)')) {
    if (place.clientWidth && place.scrollWidth > place.clientWidth + 1) lines.push(`a table is cut: ${place.getAttribute('aria-label')}, ${place.scrollWidth} of ${place.clientWidth} px`);
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.parentElement.closest('td, th, h1, h2, h3')) continue;
    for (const word of node.data.matchAll(/[\p{L}]{2,20}/gu)) {
      const range = document.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      if (new Set([...range.getClientRects()].map(box => Math.round(box.top))).size > 1) lines.push(`a word is broken: ${word[0]} in ${node.parentElement.tagName}`);
    }
  }
  return lines;
}

for (const name of names) {
  const file = `file://${folder}/${name}.html`, index = `file://${folder}/${name}/index.html`;
  const forms = { file, ...(foldered(name) ? { folder: index, jenkins: `${served}${name}/index.html` } : {}) };
  for (const [form, url] of Object.entries(forms)) for (const look of LOOKS) {
    const where = `${name} ${form} ${look[0]} px${look[1] ? ' dark' : ''}${look[2] ? ' scripts' : ''}`;
    const { context, page } = await open(url, look);
    page.on('console', message => { if (!message.text().includes('404')) say(`${where}: ${message.text()}`); });  // favicon.ico
    page.on('request', request => { if (!/^data:/.test(request.url()) && !request.url().startsWith(served) && !request.url().startsWith(`file://${folder}`)) say(`${where}: asks ${request.url()}`); });
    await page.goto(url, { waitUntil: 'load' });
    const { cssContentSize: size } = await (await context.newCDPSession(page)).send('Page.getLayoutMetrics');
    if (size.width > look[0]) say(`${where}: ${size.width} px wide`);
    if (form === 'file') await measure(page, name, look, size.height, where);
    if (pictures && form === 'file') await page.screenshot({ path: path.join(pictures, `${name}-${look[0]}${look[1] ? '-dark' : ''}.png`), fullPage: true, clip: { x: 0, y: 0, width: look[0], height: Math.min(size.height, 8000) } });
    await context.close();
  }
  for (const look of [[1280, false, true], [1280, true, true], [390, false, true]]) {
    const { context, page } = await open(file, look, true);
    await page.goto(file);
    await page.evaluate(axe);
    for (const unfolded of [false, true]) {
      // Pictures that fill the window when opened stay closed: they cover everything else.
      if (unfolded) await page.evaluate(() => document.querySelectorAll('details:not(.zoom)').forEach(one => { one.open = true; }));
      const found = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
      for (const one of found.violations) say(`${name} axe ${look}${unfolded ? ' unfolded' : ''}: ${one.impact} ${one.id} x${one.nodes.length}: ${one.help}: ${one.nodes[0].html.slice(0, 160)}`);
    }
    for (const line of await page.evaluate(cut)) say(`${name} ${look[0]} px: ${line}`);
    await context.close();
  }
  const checked = await new HtmlValidate(RULES).validateString(readFileSync(path.join(folder, `${name}.html`), 'utf8'));
  for (const one of checked.results.flatMap(result => result.messages)) say(`${name} html-validate ${one.line}:${one.column} ${one.ruleId}: ${one.message}`);
  console.log(`${name}: looked at`);
}
await browser.close();
server.close();
process.exit(findings ? 1 : 0);
