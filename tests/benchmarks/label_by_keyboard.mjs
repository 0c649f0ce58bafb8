// Labels images of a queue's page in Chromium by keyboard alone, saves, and goes on from the saved file.
//
//   npm install playwright-core                             (in any folder; run this file from there)
//   driftcli queue result.json -o queue/ --budget 50 ...
//   CHROMIUM=/usr/bin/chromium node label_by_keyboard.mjs queue/label.html labels.csv [IMAGES=20] [PICTURES/]
//   driftcli score queue/ labels.csv
//
// Every image gets the first or the second class in turn; one label is undone and given again, one image is left open and
// gone back to. Exit code 1 if anything else than expected is shown or saved, if the page asks for anything over a network,
// breaks its own policy, or writes to the console.
import { createRequire } from 'node:module';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const require = createRequire(path.join(process.cwd(), 'here.js'));
const { chromium } = require('playwright-core');
const [html, target, asked, pictures] = process.argv.slice(2);
const wanted = Number(asked ?? 20);
const address = `file://${path.resolve(html)}`;
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
let findings = 0;
const expect = (right, what) => { if (!right) { findings += 1; console.log(`wrong: ${what}`); } };
if (pictures) mkdirSync(pictures, { recursive: true });

async function opened(width, height, colorScheme) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, acceptDownloads: true });
  const page = await context.newPage();
  page.on('console', message => expect(false, `console: ${message.text()}`));
  page.on('pageerror', error => expect(false, `error: ${error.message}`));
  page.on('request', request => expect(request.url() === address || /^(data|blob):/.test(request.url()), `asks for ${request.url().slice(0, 80)}`));
  await page.goto(address);
  return page;
}

const page = await opened(1280, 800, 'light');
const count = async () => Number((await page.locator('#count').textContent()).split(' ')[0]);
await page.keyboard.press('Enter');
await page.keyboard.press('1');
await page.locator('#who').fill('');
await page.keyboard.type('Ada, "the first"');
await page.keyboard.press('Enter');
await page.keyboard.press('Space');
await page.keyboard.press('ArrowLeft');
for (let image = 0; image < wanted; image += 1) await page.keyboard.press(image % 2 ? '2' : '1');
expect(await count() === wanted, `${await count()} labelled, not ${wanted}`);
await page.keyboard.press('Backspace');
expect(await count() === wanted - 1, 'undo takes the last label back');
await page.keyboard.press((wanted - 1) % 2 ? '2' : '1');
expect(await count() === wanted, `${await count()} labelled, not ${wanted}`);
const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
await download.saveAs(target);
const rows = readFileSync(target, 'utf8').trim().split('\n');
expect(rows.length === wanted + 1, `${rows.length - 1} rows saved, not ${wanted}`);
expect(rows[0] === 'item,annotator,label,queue', `header ${rows[0]}`);
expect(rows.slice(1).every(row => row.includes('"Ada, ""the first"""')), 'the name comes back as it was typed');
if (pictures) await page.screenshot({ path: path.join(pictures, 'label-1280.png') });

await page.reload();
expect(await count() === wanted, 'a page opened again in the same browser knows its labels');

for (const [width, height, scheme] of [[390, 844, 'dark'], [1280, 800, 'dark']]) {
  const other = await opened(width, height, scheme);
  await other.locator('#open').setInputFiles(path.resolve(target));
  await other.waitForFunction(n => document.getElementById('count').textContent.startsWith(`${n} of`), wanted, { timeout: 5000 })
    .catch(() => expect(false, `another browser (${width} px) goes on from the file`));
  expect(await other.evaluate(() => document.activeElement === document.body), 'keys go to the images after a file was read');
  const over = await other.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(over <= 0, `${over} px too wide at ${width} px`);
  if (pictures) await other.screenshot({ path: path.join(pictures, `label-${width}-${scheme}.png`) });
}
await browser.close();
console.log(`${wanted} images labelled by keyboard, ${findings} findings`);
process.exit(findings ? 1 : 0);
