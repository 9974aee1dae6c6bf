/** The partners' page, opened in a browser as the server sends it. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { operationIds, operationOf, responseExamples } from '../harness/contract.ts';
import { startServer, temporaryDirectory } from '../harness/server.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

const program = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);

/** Chromium needs the first one if it runs as root. The others keep it from contacting hosts of its vendor. */
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

/** Opens the page in a new window, and collects errors, policy violations and requests to other hosts. */
async function open(path: string, options: Parameters<Browser['newContext']>[0] = {}) {
  const server = await startServer();
  const context: BrowserContext = await browser.newContext(options);
  onTestFinished(() => context.close());
  const page: Page = await context.newPage();
  const problems: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('request', (request) => {
    const isOwn = request.url().startsWith(server.url) || /^(data|blob):/.test(request.url());
    if (!isOwn) problems.push(`requested ${request.url()}`);
  });
  await page.addInitScript(`document.addEventListener('securitypolicyviolation', (violation) =>
    console.error(violation.violatedDirective + ' was violated by ' + violation.blockedURI))`);
  await page.goto(server.url + path);
  return { page, problems };
}

describe('in Chromium', { skip: program === undefined, meta: { needs: 'chromium' } }, () => {
  beforeAll(async () => {
    if (program !== undefined) browser = await chromium.launch({ executablePath: program, args: switches });
  });
  afterAll(() => browser?.close());

  test('shows every operation without errors, policy violations or requests to other hosts', async () => {
    const { page, problems } = await open('/');
    expect(new URL(page.url()).pathname).toBe('/docs');
    await page.getByRole('heading', { name: 'Quick start' }).waitFor();
    for (const id of operationIds()) {
      await page.goto(`${new URL(page.url()).origin}/docs#/leads/${id.toLowerCase()}`);
      await page.getByText(operationOf(id).path).first().waitFor();
    }
    expect(problems).toEqual([]);
  });

  test.each(operationIds())('lists every response example of %s by its summary', async (id) => {
    const { page } = await open(`/docs#/leads/${id.toLowerCase()}`);
    const section = page.locator(`[data-section-id="/leads/${id.toLowerCase()}"]`).last();
    for (const status of Object.keys(operationOf(id).responses)) {
      const tab = section.locator('button:not([role=tab])').filter({ hasText: new RegExp(`^${status}$`) });
      await tab.click();
      const examples = Object.values(responseExamples(id, Number(status)));
      const summaries = examples.map(({ summary = '' }) => summary);
      if (examples.length === 1) {
        // Redoc shows a single example without a list to choose from.
        const body = Object(examples[0]?.value);
        const text = Object.values(body).findLast((value) => typeof value === 'string');
        const [name] = Object.keys(body);
        await section
          .getByText(String(text ?? `"${name}"`))
          .last()
          .waitFor();
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

  test('finds a field with the search', async () => {
    const { page, problems } = await open('/docs');
    await page.getByRole('heading', { name: 'Quick start' }).waitFor();
    await page.getByTestId('search-trigger').click();
    await page.getByPlaceholder('Search docs...').fill('delays');
    await page.getByText('request fields').first().waitFor();
    expect(problems).toEqual([]);
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    test.each(['/docs', '/docs#/leads/addlead'])(
      `has no serious accessibility violations in ${colorScheme} mode at %s`,
      async (path) => {
        const { page } = await open(path, { colorScheme });
        await page.getByRole('heading', { name: path === '/docs' ? 'Quick start' : 'Add a lead' }).waitFor();
        const { violations } = await new AxeBuilder({ page }).analyze();
        const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
        expect(serious.map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 200))])).toEqual([]);
      },
    );
  }

  test.each([1440, 390])('needs no horizontal scrolling at %i pixels', async (width) => {
    const { page } = await open('/docs', { viewport: { width, height: 900 } });
    await page.getByRole('heading', { name: 'Quick start' }).waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    const hidden = `[...document.querySelectorAll('main table, main pre')].filter((part) =>
      part.scrollWidth > part.clientWidth + 2 || part.parentElement.scrollWidth > part.parentElement.clientWidth + 2).length`;
    expect(await page.evaluate(hidden)).toBe(0);
  });
});

test('the page has all sections of the guide in order', () => {
  const html = readFileSync(new URL('../../docs/index.html', import.meta.url), 'utf8');
  const guide = readFileSync(new URL('../../docs/page/guide.md', import.meta.url), 'utf8');
  const headings = [...guide.matchAll(/^# (.+)$/gm)].map(([, heading = '']) =>
    heading.toLowerCase().replaceAll(' ', '-'),
  );
  const sections = [...html.matchAll(/data-section-id="\/section\/([^"/]+)"/g)].map(([, name]) => name);
  // The last two are docs/mock.md and CHANGELOG.md.
  expect([...new Set(sections)]).toEqual([...headings, 'mock-server', 'changelog']);
});

test('every link within the guide leads to a section or an operation', () => {
  const html = readFileSync(join(root, 'docs/index.html'), 'utf8');
  const guide = readFileSync(join(root, 'docs/page/guide.md'), 'utf8');
  const targets = [...guide.matchAll(/\]\(#([^)]+)\)/g)].map(([, target = '']) => target);
  expect(targets).not.toEqual([]);
  const operations = operationIds().map((id) => `/leads/${id.toLowerCase()}`);
  const isKnown = (target: string) =>
    operations.includes(target) || html.includes(`data-section-id="${target}"`);
  expect(targets.filter((target) => !isKnown(target))).toEqual([]);
});

test('the page contains nothing that is internal to the call centre', () => {
  const html = readFileSync(new URL('../../docs/index.html', import.meta.url), 'utf8');
  for (const internal of ['leadDue', 'lead.due', 'LeadDueEvent', 'webhook-signature']) {
    expect(html.includes(internal), internal).toBe(false);
  }
});

test('docs/index.html is up to date', () => {
  const made = join(temporaryDirectory(), 'index.html');
  execFileSync(process.execPath, [join(root, 'docs/page/build.ts'), '--output', made], { stdio: 'pipe' });
  const isSame = readFileSync(made, 'utf8') === readFileSync(join(root, 'docs/index.html'), 'utf8');
  expect(isSame, 'docs/index.html is stale: run `npm run docs`').toBe(true);
});
