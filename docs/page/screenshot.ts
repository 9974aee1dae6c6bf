/** Takes the screenshot of the partners' page for the README, from docs/index.html. Needs Chromium. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const programs = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = programs.find(existsSync);
if (executablePath === undefined) throw new Error(`Chromium is not installed as ${programs.join(' or ')}.`);

// Chromium needs the switch if it runs as root.
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const page = await browser.newPage({ viewport: { width: 1360, height: 850 }, colorScheme: 'light' });
await page.goto(new URL('../index.html', import.meta.url).href);
await page.screenshot({ path: fileURLToPath(new URL('screenshot.png', import.meta.url)) });
await browser.close();
