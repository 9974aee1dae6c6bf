/** The partners' page, opened in a browser as the sandbox serves it, and from the disk. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { operationIds, operationOf, responseExamples } from '../harness/contract.ts';
import { type Sandbox, spawnSandbox } from '../harness/sandbox.ts';

const disk = pathToFileURL(join(fileURLToPath(new URL('../../docs/', import.meta.url)), '/')).href;

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
let sandbox: Sandbox;
let contexts = 0;

/** Opens a page in a new window, and collects errors, policy violations and requests to other hosts. */
async function open(url: string, options: Parameters<Browser['newContext']>[0] = {}) {
  // Each window has its own address, because downloads are limited by address.
  contexts += 1;
  const extraHTTPHeaders = { 'X-Forwarded-For': `192.0.2.${contexts}` };
  const context = await browser.newContext({ extraHTTPHeaders, ...options });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('request', (request) => {
    const isOwn = [sandbox.target.url, disk, 'data:', 'blob:'].some((own) => request.url().startsWith(own));
    if (!isOwn) problems.push(`requested ${request.url()}`);
  });
  await page.addInitScript(`document.addEventListener('securitypolicyviolation', (violation) =>
    console.error(violation.violatedDirective + ' was violated by ' + violation.blockedURI))`);
  await go(page, url);
  return { page, context, problems };
}

/** Opens a path of the sandbox or a file, and waits until its content is drawn. */
async function go(page: Page, url: string): Promise<void> {
  await page.goto(url.startsWith('file:') ? url : sandbox.target.url + url);
  if (page.url().includes('reference.html')) await untilDrawn(page);
}

/** Waits until Redoc has drawn every operation. */
async function untilDrawn(page: Page): Promise<void> {
  for (const id of operationIds()) {
    await page.locator(`[id="leads/${id.toLowerCase()}/request"]`).waitFor({ state: 'attached' });
  }
}

/** Returns the distance of an element from the top of the window. */
function topOf(page: Page, selector: string): Promise<number> {
  return page.evaluate(
    `document.querySelector(${JSON.stringify(selector)})?.getBoundingClientRect().top ?? -1`,
  );
}

const hashOf = (id: string) => `#/leads/${id.toLowerCase()}`;

/** What readers search for, and where one of the first three results leads. */
const searches = [
  ['delays', '#delays'],
  ['authentication', '#authentication'],
  ['timeout', '#idempotency-and-retries'],
  ['duplicate', '#outcomes'],
  ['webhook', '#lead-status'],
  ['add a lead', hashOf('addLead')],
  ['other_phone', '#addLead-other_phone'],
  ['already processed', '#cancelLead-outcome-already-processed'],
  ['Existing Contact', '#addLead-outcome-existing-contact'],
  ['422', '#error-422-idempotency-key-reused'],
  ['Lead-Due', '#add-a-lead'],
  ['Delays must be a number.', '#error-400-delays-not-a-number'],
];

describe('in Chromium', { skip: program === undefined, meta: { needs: 'chromium' } }, () => {
  beforeAll(async () => {
    if (program === undefined) return;
    [browser, sandbox] = await Promise.all([
      chromium.launch({ executablePath: program, args: switches }),
      spawnSandbox({ TRUST_PROXY: '127.0.0.1' }),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    sandbox?.child.kill('SIGKILL');
  });

  test.each(['/', `${disk}index.html`])('leads from the first screen of %s to the reference', async (url) => {
    const { page, problems } = await open(url);
    const link = page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Reference' });
    expect((await link.boundingBox())?.y).toBeLessThan(60);
    await link.click();
    await untilDrawn(page);
    await page.getByRole('heading', { name: 'Look up a lead' }).first().waitFor();
    expect(problems).toEqual([]);
  });

  test.each(['/docs/', disk])('opens every operation and section by its hash under %s', async (base) => {
    const { page, problems } = await open(`${base}index.html`);
    for (const selector of ['#validation-errors', '#error-400-invalid-email', '#support-and-privacy']) {
      await page.goto('about:blank');
      await go(page, `${base}index.html${selector}`);
      expect(await topOf(page, selector)).toBeLessThan(820);
      expect(await topOf(page, selector)).toBeGreaterThan(50);
    }
    for (const id of operationIds()) {
      await page.goto('about:blank');
      await go(page, `${base}reference.html${hashOf(id)}`);
      const heading = `[id="leads/${id.toLowerCase()}"] h2`;
      await expect.poll(() => topOf(page, heading)).toBeLessThan(400);
      expect(await topOf(page, heading)).toBeGreaterThan(50);
    }
    expect(problems).toEqual([]);
  });

  test('the search finds headings, fields, outcomes, statuses, headers and messages', async () => {
    const { page } = await open('/docs/');
    for (const [query = '', hash] of searches) {
      await page.locator('#search').fill(query);
      const urls = await page.evaluate(`[...document.querySelectorAll('#hits a')].map((link) => link.hash)`);
      expect(Array.from(Object(urls)).slice(0, 3), query).toContain(hash);
    }
  });

  test('the keyboard opens the search, chooses a result and closes the list', async () => {
    const { page } = await open('/docs/');
    await page.keyboard.press('/');
    await page.keyboard.type('phone numbers');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/#phone-numbers');
    expect(await page.locator('#hits').isVisible()).toBe(false);
    await page.keyboard.press('/');
    await page.keyboard.type('nothing has this text');
    expect(await page.locator('#hits').innerText()).toContain('No results');
    await page.keyboard.press('Escape');
    expect(await page.locator('#hits').isVisible()).toBe(false);
    await page.keyboard.press('/');
    await page.keyboard.type('post /lead/cancel');
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/reference.html${hashOf('cancelLead')}`);
  });

  test('one choice of language applies to all samples and is remembered', async () => {
    const { page } = await open('/docs/');
    await page.getByRole('tab', { name: 'curl' }).first().focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    const check = async () => {
      expect(await page.getByRole('tab', { selected: true }).allInnerTexts()).toEqual(
        Array.from({ length: 5 }, () => 'Python'),
      );
      expect(await page.getByRole('tabpanel').first().innerText()).toContain('urllib.request');
    };
    await check();
    await page.reload();
    await check();
  });

  test('copies the sample that is shown', async () => {
    const { page, context } = await open('/docs/');
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('tab', { name: 'PHP' }).first().click();
    await page.getByRole('button', { name: 'Copy' }).first().click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    const text = String(await page.evaluate('navigator.clipboard.readText()'));
    expect(text).toMatch(/^<\?php\n[\s\S]*\/lead\/add'\);/);
    expect(await page.locator('.code').count()).toBe(await page.locator('.code button.copy').count());
  });

  test('shows the URL of the server and the key of this tab in every sample', async () => {
    const { page, context } = await open('/docs/');
    await page.locator('#key').fill('leads_mine');
    const samples = async () => (await page.locator('.guide pre').allTextContents()).join('\n');
    expect(await samples()).toContain(`curl "${sandbox.target.url}/lead/add"`);
    expect(await samples()).toContain('Authorization: Bearer leads_mine');
    expect(await samples()).not.toMatch(/leads\.example|YOUR_KEY/);
    await page.locator('#key').fill("it's not a key");
    expect(await samples()).toContain('Bearer leads_mine');
    await go(page, '/docs/reference.html');
    expect(await page.locator('#redoc').innerText()).toContain('Bearer leads_mine');
    await page.locator('#key').fill('leads_other');
    await page.locator('#key').press('Enter');
    await expect.poll(() => page.locator('#redoc').innerText()).toContain('Bearer leads_other');
    expect(JSON.stringify(await page.evaluate('({ ...localStorage })'))).not.toContain('leads_other');
    const other = await context.newPage();
    await go(other, '/docs/');
    expect(await other.locator('.guide').textContent()).toContain('Bearer YOUR_KEY');
  });

  test('the keyboard reaches the skip link, the colours and the menu', async () => {
    const { page } = await open('/docs/', { viewport: { width: 390, height: 900 }, colorScheme: 'light' });
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('content');
    await page.locator('#theme').press('Enter');
    expect(await page.locator('html').getAttribute('class')).toBe('dark');
    await page.reload();
    expect(await page.locator('html').getAttribute('class')).toBe('dark');
    await page.locator('#menu-button').press('Enter');
    await page
      .getByRole('navigation', { name: 'Contents' })
      .getByRole('link', { name: 'Rate limits' })
      .click();
    await page.waitForURL('**/#rate-limits');
    expect(await page.locator('#menu').isVisible()).toBe(false);
  });

  test('the reference contains every response of every operation, with its request and headers', async () => {
    const { page, problems } = await open('/docs/reference.html');
    for (const id of operationIds()) {
      const section = page.locator(`[data-section-id="/leads/${id.toLowerCase()}"]`).last();
      const text = await section.textContent();
      for (const status of Object.keys(operationOf(id).responses)) {
        for (const { summary } of Object.values(responseExamples(id, Number(status)))) {
          expect(text).toContain(summary);
        }
      }
    }
    const section = page.locator('[data-section-id="/leads/addlead"]').last();
    const tab = section.locator('button:not([role=tab])').filter({ hasText: /^429$/ });
    await tab.last().click();
    await section.getByText('Retry-After: 1').first().waitFor();
    await section.locator('button:not([role=tab])').filter({ hasText: /^400$/ }).last().click();
    await section.getByText('POST /lead/add').first().waitFor();
    expect(problems).toEqual([]);
  });

  test.each([
    ['/docs/', 1440],
    ['/docs/', 390],
    // The reference shows all operations at once.
    ['/docs/reference.html', 1440],
  ] as const)(
    'has no accessibility violations in light and dark colours at %s, %i pixels wide',
    async (url, width) => {
      const { page } = await open(url, { viewport: { width, height: 900 } });
      const violationsOf = async (axe: AxeBuilder) =>
        (await axe.analyze()).violations.map(({ id, nodes }) => [
          id,
          nodes.map(({ html }) => html.slice(0, 200)),
        ]);
      expect(await violationsOf(new AxeBuilder({ page }))).toEqual([]);
      await page.emulateMedia({ colorScheme: 'dark' });
      await go(page, url);
      // Only the colours differ.
      const colours = new AxeBuilder({ page }).withRules(['color-contrast', 'link-in-text-block']);
      expect(await violationsOf(colours)).toEqual([]);
    },
  );

  test.each([1440, 1024, 768, 390])('needs no horizontal scrolling at %i pixels', async (width) => {
    const { page } = await open('/docs/', { viewport: { width, height: 900 } });
    for (const url of ['/docs/', '/docs/reference.html']) {
      await go(page, url);
      expect(await page.evaluate('document.documentElement.scrollWidth'), url).toBeLessThanOrEqual(width);
      const hidden = `[...document.querySelectorAll('.guide table, main pre')].filter((part) =>
        part.scrollWidth > part.clientWidth + 2 || part.parentElement.scrollWidth > part.parentElement.clientWidth + 2).length`;
      expect(await page.evaluate(hidden), url).toBe(0);
    }
  });

  test('on phones, each cell of a table shows the heading of its column', async () => {
    const { page } = await open('/docs/', { viewport: { width: 390, height: 900 } });
    const label = await page.evaluate(
      `getComputedStyle(document.querySelector('#addLead-delays td:nth-child(2)'), '::before').content`,
    );
    expect(label).toBe('"Presence"');
  });

  test('prints the whole guide without menus and buttons', async () => {
    const { page } = await open('/docs/');
    await page.emulateMedia({ media: 'print' });
    for (const hidden of ['.top', '#menu', '.copy'])
      expect(await page.locator(hidden).first().isVisible()).toBe(false);
    expect(await page.locator('#support-and-privacy').isVisible()).toBe(true);
  });
});
