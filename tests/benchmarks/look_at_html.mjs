// Looks at HTML reports in Chromium: overflow, policy violations, foreign requests, axe-core; and takes pictures.
//
//   npm install playwright-core axe-core        (in any folder; run this file from there)
//   driftcli report result.json -o html=pages/a.html -o html=pages/a/
//   CHROMIUM=/usr/bin/chromium node look_at_html.mjs pages [pictures/]
//
// Every page is opened as a file and as a folder, the folder also as Jenkins serves it, at several widths, light
// and dark, scripts on and off. One line for each finding; exit code 1 if there is any. Not part of the test suite:
// it needs a browser and node.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';

const require = createRequire(path.join(process.cwd(), 'here.js'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const JENKINS = "sandbox; default-src 'none'; img-src 'self'; style-src 'self'";
const TYPES = { '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.webp': 'image/webp' };
const LOOKS = [[1280, false, false], [1280, true, true], [390, false, false], [390, true, true], [768, false, true], [1920, false, false]];

const [folder, pictures] = process.argv.slice(2).map(name => path.resolve(name));
const names = readdirSync(folder).filter(name => statSync(path.join(folder, name)).isDirectory());
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
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: dark ? 'dark' : 'light', javaScriptEnabled: scripts, bypassCSP });
  return { context, page: await context.newPage(), url };
}

for (const name of names) {
  const forms = { file: `file://${folder}/${name}.html`, folder: `file://${folder}/${name}/index.html`, jenkins: `${served}${name}/index.html` };
  for (const [form, url] of Object.entries(forms)) for (const look of LOOKS) {
    const where = `${name} ${form} ${look[0]} px${look[1] ? ' dark' : ''}${look[2] ? ' scripts' : ''}`;
    const { context, page } = await open(url, look);
    page.on('console', message => { if (!message.text().includes('404')) say(`${where}: ${message.text()}`); });  // favicon.ico
    page.on('request', request => { if (!/^data:/.test(request.url()) && !request.url().startsWith(served) && !request.url().startsWith(`file://${folder}`)) say(`${where}: asks ${request.url()}`); });
    await page.goto(url, { waitUntil: 'load' });
    const { cssContentSize: size } = await (await context.newCDPSession(page)).send('Page.getLayoutMetrics');
    if (size.width > look[0]) say(`${where}: ${size.width} px wide`);
    if (pictures && form === 'file') await page.screenshot({ path: path.join(pictures, `${name}-${look[0]}${look[1] ? '-dark' : ''}.png`), fullPage: true, clip: { x: 0, y: 0, width: look[0], height: Math.min(size.height, 4000) } });
    await context.close();
  }
  for (const look of [[1280, false, true], [1280, true, true], [390, false, true]]) {
    const { context, page } = await open(forms.folder, look, true);
    await page.goto(forms.folder);
    await page.evaluate(axe);
    const found = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
    for (const one of found.violations) say(`${name} axe ${look}: ${one.impact} ${one.id} x${one.nodes.length}: ${one.help}: ${one.nodes[0].html.slice(0, 120)}`);
    await context.close();
  }
  console.log(`${name}: looked at`);
}
await browser.close();
server.close();
process.exit(findings ? 1 : 0);
