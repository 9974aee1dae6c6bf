/** The first thing a partner sees. It is looked at in a real browser, as the server sends it. */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { operationIds, operationOf, responseExamples } from '../harness/contract.ts';
import { skipWithout } from '../harness/process.ts';
import { startServer, temporaryDirectory } from '../harness/server.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

const program = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
if (program === undefined)
  process.stdout.write('There is no Chromium on this machine: the page is not looked at.\n');

/** As root Chromium needs the first; the others keep it from looking for hosts of its maker. */
const switches = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let browser: Browser;

/** The page in a new window, and all that went wrong in it. */
async function open(path: string, options: Parameters<Browser['newContext']>[0] = {}) {
  const server = await startServer();
  const context: BrowserContext = await browser.newContext(options);
  onTestFinished(() => context.close());
  const page: Page = await context.newPage();
  const wrong: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') wrong.push(message.text());
  });
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('request', (request) => {
    const isOwn = request.url().startsWith(server.url) || /^(data|blob):/.test(request.url());
    if (!isOwn) wrong.push(`asked for ${request.url()}`);
  });
  await page.addInitScript(`document.addEventListener('securitypolicyviolation', (violation) =>
    console.error(violation.violatedDirective + ' was violated by ' + violation.blockedURI))`);
  await page.goto(server.url + path);
  return { page, wrong };
}

describe.skipIf(program === undefined)('in Chromium', () => {
  beforeAll(async () => {
    if (program !== undefined) browser = await chromium.launch({ executablePath: program, args: switches });
  });
  afterAll(() => browser?.close());

  test('the page is shown without an error, a violation of its policy, or a word to another host', async () => {
    const { page, wrong } = await open('/');
    expect(new URL(page.url()).pathname).toBe('/docs');
    await page.getByRole('heading', { name: 'Your first lead' }).waitFor();
    for (const id of operationIds()) {
      await page.goto(`${new URL(page.url()).origin}/docs#/leads/${id.toLowerCase()}`);
      await page.getByText(operationOf(id).path).first().waitFor();
    }
    expect(wrong).toEqual([]);
  });

  test.each(operationIds())('every outcome of %s is one click away, by its summary', async (id) => {
    const { page } = await open(`/docs#/leads/${id.toLowerCase()}`);
    const section = page.locator(`[data-section-id="/leads/${id.toLowerCase()}"]`).last();
    for (const status of Object.keys(operationOf(id).responses)) {
      const tab = section.locator('button:not([role=tab])').filter({ hasText: new RegExp(`^${status}$`) });
      await tab.click();
      const examples = Object.values(responseExamples(id, Number(status)));
      const summaries = examples.map(({ summary = '' }) => summary);
      if (examples.length === 1) {
        // A sole example has no list to choose from: its body stands there at once.
        const words = Object.values(Object(examples[0]?.value)).findLast(
          (value) => typeof value === 'string',
        );
        await section.getByText(String(words)).last().waitFor();
        continue;
      }
      const chosen = section.getByText(summaries[0] ?? '', { exact: true }).last();
      await chosen.waitFor();
      await chosen.click();
      const choices = page.locator('[role=menuitem]:visible');
      await choices.first().waitFor();
      expect(await choices.allInnerTexts()).toEqual(summaries);
      await choices.first().click();
    }
  });

  test('search finds a field', async () => {
    const { page, wrong } = await open('/docs');
    await page.getByRole('heading', { name: 'Your first lead' }).waitFor();
    await page.getByTestId('search-trigger').click();
    await page.getByPlaceholder('Search docs...').fill('delays');
    await page.getByText('request fields').first().waitFor();
    expect(wrong).toEqual([]);
  });

  test.each(['light', 'dark'] as const)(
    'in %s nothing stands in the way of a reader who cannot see well',
    async (colorScheme) => {
      const { page } = await open('/docs', { colorScheme });
      await page.getByRole('heading', { name: 'Your first lead' }).waitFor();
      const { violations } = await new AxeBuilder({ page }).analyze();
      const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      expect(serious.map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 200))])).toEqual([]);
    },
  );

  test.each([1440, 390])('%i pixels are wide enough to read it without moving it sideways', async (width) => {
    const { page } = await open('/docs', { viewport: { width, height: 900 } });
    await page.getByRole('heading', { name: 'Your first lead' }).waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    const hidden = `[...document.querySelectorAll('main table, main pre')].filter((part) =>
      part.scrollWidth > part.clientWidth + 2 || part.parentElement.scrollWidth > part.parentElement.clientWidth + 2).length`;
    expect(await page.evaluate(hidden)).toBe(0);
  });
});

test('the page has all parts of the guide, in the order in which a partner needs them', () => {
  const html = readFileSync(new URL('../../docs/index.html', import.meta.url), 'utf8');
  const parts = [...html.matchAll(/data-section-id="\/section\/([^"/]+)"/g)].map(([, name]) => name);
  expect([...new Set(parts)]).toEqual([
    'what-you-are-given',
    'your-first-lead',
    'testing-without-saving',
    'adding-leads',
    'cancelling-leads',
    'looking-a-lead-up',
    'the-data-field',
    'phone-numbers',
    'delays',
    'errors',
    'how-fast-you-may-send',
    'retrying-safely',
    'the-mock',
    'changes-to-the-api',
  ]);
});

test('the page has nothing that partners have nothing to do with', () => {
  const html = readFileSync(new URL('../../docs/index.html', import.meta.url), 'utf8');
  for (const internal of ['leadDue', 'lead.due', 'LeadDueEvent', 'webhook-signature']) {
    expect(html.includes(internal), internal).toBe(false);
  }
});

test('docs/index.html is what `npm run docs` makes', () => {
  const made = join(temporaryDirectory(), 'index.html');
  execFileSync(process.execPath, [join(root, 'docs/page/build.ts'), '--output', made], { stdio: 'pipe' });
  const isSame = readFileSync(made, 'utf8') === readFileSync(join(root, 'docs/index.html'), 'utf8');
  expect(isSame, 'docs/index.html is stale: run `npm run docs`').toBe(true);
});

test('the commands of the guide, pasted one after the other, print what stands below them', async (context) => {
  skipWithout(context, ['curl', '--version']);
  const guide = readFileSync(join(root, 'docs/page/guide.md'), 'utf8');
  const commands = [...guide.matchAll(/```sh\n(curl[\s\S]*?)```\n\n```json\n([\s\S]*?)```/g)];
  expect(commands.length).toBe(guide.split('```sh\ncurl').length - 1);
  const server = await startServer();
  const env = { PATH: process.env['PATH'] ?? '', LEADS_URL: server.url, LEADS_KEY: server.key };
  for (const [, command = '', printed = ''] of commands) {
    const { stdout } = await promisify(execFile)('sh', ['-c', command], { env });
    const timeless = (text: string) => text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME');
    expect(timeless(stdout)).toBe(timeless(printed.trim()));
  }
});
