/** The guide of the partners' page, opened in a browser. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  examplesOf,
  fieldsOf,
  type Operation,
  operationsOf,
  resultFieldsOf,
} from '../../docs/page/contract.ts';
import { messagesOf } from '../../docs/page/contract-tables.ts';
import { readContract } from '../../docs/page/read-contract.ts';
import {
  browserTests,
  chromiumProgram,
  disk,
  hashOf,
  overflowOf,
  PageReader,
  topOf,
  violationsOf,
} from '../harness/browser.ts';

/** What readers search for, and where one of the first three results leads. */
const searches: [query: string, target: RegExp][] = [
  ['schedule', /^#schedule-a-call$/],
  ['authentication', /^#authentication$/],
  ['timeout', /^#idempotency-and-retries$/],
  ['duplicate', /^#outcomes$/],
  ['webhook', /^#lead-status$/],
  ['add a lead', /^#\/leads\/addlead$/],
];

/** Every field, outcome, status, header and error message of the contract, and where its search result leads. */
function contractSearches(): [query: string, target: RegExp][] {
  return operationsOf(readContract()).flatMap((operation) => {
    const { operationId: id, summary, responses } = operation;
    return [
      ...fieldsOf(operation).map((field) => search(`${field.name} ${summary}`, `^#${id}-${field.name}$`)),
      ...resultFieldsOf(operation).map(({ name }) =>
        search(`${name} result ${summary}`, `^#${id}-result-${name}$`),
      ),
      ...Object.entries(responses).flatMap(([status, { headers }]) => [
        search(status, status === '200' ? '^#[a-zA-Z]+-outcome-' : `^#error-${status}-`),
        ...Object.keys(headers).map((name) => search(name, `^#header-${name.toLowerCase()}$`)),
        ...exampleSearches(operation, status),
      ]),
    ];
  });
}

function exampleSearches(operation: Operation, status: string): [query: string, target: RegExp][] {
  const target = status === '200' ? `^#${operation.operationId}-outcome-` : `^#error-${status}-`;
  return examplesOf(operation, status).flatMap(([, example]) => {
    const { error, warning } = example.value;
    const messages =
      status === '400' ? messagesOf(example).map(({ message }) => message) : [error ?? warning];
    const texts = [example.summary, ...messages].filter((text) => typeof text === 'string');
    return texts.map((text) => search(text, target));
  });
}

function search(query: string, target: string): [query: string, target: RegExp] {
  return [query, new RegExp(target)];
}

let reader: PageReader;

describe('in Chromium', { ...browserTests, skip: chromiumProgram === undefined }, () => {
  beforeAll(async () => {
    if (chromiumProgram !== undefined) reader = await PageReader.start();
  });
  afterAll(() => reader?.close());

  test.each(['/docs/', disk])('opens every section by its hash under %s', async (base) => {
    const { page, problems } = await reader.open(`${base}index.html`);
    const sections = await page.locator('.guide h2').evaluateAll((all) => all.map(({ id }) => `#${id}`));
    expect(sections.length).toBeGreaterThan(10);
    const expectInView = async (selector: string) => {
      await expect.poll(() => topOf(page, selector), { message: selector }).toBeLessThan(820);
      expect(await topOf(page, selector), selector).toBeGreaterThan(50);
    };
    for (const selector of sections) {
      await page.evaluate(`location.hash = ${JSON.stringify(selector)}`);
      await expectInView(selector);
    }
    // As a link from elsewhere: the page must not move after the browser has scrolled.
    for (const selector of [sections[0] ?? '', sections.at(-1) ?? '', '#error-400-invalid-email']) {
      await page.goto('about:blank');
      await reader.go(page, `${base}index.html${selector}`);
      await expectInView(selector);
    }
    expect(problems).toEqual([]);
  });

  test('the search finds every heading, field, header, outcome, status and message', async () => {
    const { page } = await reader.open('/docs/');
    const headings = await page
      .locator('.guide :is(h2, h3)')
      .evaluateAll((all) =>
        all.map((heading) => [heading.firstChild?.textContent?.trim() ?? '', heading.id]),
      );
    expect(headings.length).toBeGreaterThan(20);
    const all: [string, RegExp][] = [
      ...searches,
      ...headings.map(([text = '', id]): [string, RegExp] => [text, new RegExp(`^#${id}$`)]),
      ...contractSearches(),
    ];
    const found: string[][] = await page.evaluate(
      `(${JSON.stringify(all.map(([query]) => query))}).map((query) => {
        const input = document.getElementById('search');
        input.value = query;
        input.dispatchEvent(new Event('input'));
        return [...document.querySelectorAll('#hits a')].slice(0, 3).map((link) => link.hash);
      })`,
    );
    for (const [index, [query, target]] of all.entries())
      expect(
        found[index]?.some((hash) => target.test(hash)),
        `${query}: ${found[index]}`,
      ).toBe(true);
  });

  test('a search result that leads to a row marks it', async () => {
    const { page } = await reader.open('/docs/');
    await page.locator('#search').fill('Delays must be a number.');
    await page.locator('#search').press('Enter');
    await page.waitForURL('**/#error-400-delays-not-a-number');
    const row = page.locator('tr:target');
    expect(await row.innerText()).toContain('Delays must be a number.');
    expect(await topOf(page, 'tr:target')).toBeLessThan(820);
  });

  test('the keyboard opens the search, chooses a result and closes the list', async () => {
    const { page } = await reader.open('/docs/');
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
    const { page } = await reader.open('/docs/');
    await page.getByRole('tab', { name: 'curl' }).first().focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    // One sample for each operation, and those of the quick start, of retries and of scheduled calls.
    const check = async () => {
      expect(await page.getByRole('tab', { selected: true }).allInnerTexts()).toEqual(
        Array.from({ length: operationsOf(readContract()).length + 3 }, () => 'Python'),
      );
      expect(await page.getByRole('tabpanel').first().innerText()).toContain('urllib.request');
    };
    await check();
    await page.reload();
    await check();
  });

  test('copies the sample that is shown', async () => {
    const { page, context } = await reader.open('/docs/');
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('tab', { name: 'PHP' }).first().click();
    await page.getByRole('button', { name: 'Copy' }).first().click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    const text = String(await page.evaluate('navigator.clipboard.readText()'));
    expect(text).toMatch(/^<\?php\n[\s\S]*\/lead\/add'\);/);
    expect(await page.locator('.code').count()).toBe(await page.locator('.code button.copy').count());
  });

  test('shows the URL of the server and the key of this tab in every sample', async () => {
    const { page, context } = await reader.open('/docs/');
    await page.locator('#key').fill('leads_mine');
    const samples = async () => (await page.locator('.guide pre').allTextContents()).join('\n');
    expect(await samples()).toContain(`curl "${reader.url}/lead/add"`);
    expect(await samples()).toContain('Authorization: Bearer leads_mine');
    expect(await samples()).not.toMatch(/leads\.example|YOUR_KEY/);
    await page.locator('#key').fill("it's not a key");
    expect(await samples()).toContain('Bearer leads_mine');
    expect(JSON.stringify(await page.evaluate('({ ...localStorage })'))).not.toContain('leads_mine');
    const other = await context.newPage();
    await reader.go(other, '/docs/');
    expect(await other.locator('.guide').textContent()).toContain('Bearer YOUR_KEY');
  });

  test('the keyboard reaches the skip link, the colours and the menu', async () => {
    const { page } = await reader.open('/docs/', { viewport: { width: 390, height: 900 } });
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

  test('has no accessibility violations at 1440 and 390 pixels, in light and dark colours', async () => {
    const { page } = await reader.open('/docs/');
    expect(await violationsOf(page), '1440, light').toEqual([]);
    await page.setViewportSize({ width: 390, height: 900 });
    await page.locator('#theme').click();
    expect(await violationsOf(page), '390, dark').toEqual([]);
  });

  test('needs no horizontal scrolling at any width, and shows the heading of each cell on phones', async () => {
    const { page } = await reader.open('/docs/');
    for (const width of [1440, 1024, 768, 390]) {
      await page.setViewportSize({ width, height: 900 });
      const overflow = await overflowOf(page);
      expect(overflow.width, `${width}`).toBeLessThanOrEqual(width);
      expect(overflow.parts, `${width}`).toBe(0);
    }
    const label = await page.evaluate(
      `getComputedStyle(document.querySelector('#addLead-delays td:nth-child(2)'), '::before').content`,
    );
    expect(label).toBe('"Presence"');
  });

  test('prints the whole guide without menus and buttons', async () => {
    const { page } = await reader.open('/docs/');
    await page.emulateMedia({ media: 'print' });
    for (const hidden of ['.top', '#menu', '.copy'])
      expect(await page.locator(hidden).first().isVisible()).toBe(false);
    const parts = page.locator('.guide :is(h2, h3, p, li, pre, table):not([hidden], [hidden] *)');
    expect(await parts.count()).toBeGreaterThan(100);
    const missing = await parts.evaluateAll((all) =>
      all.filter((part) => !part.checkVisibility()).map((part) => part.outerHTML.slice(0, 100)),
    );
    expect(missing).toEqual([]);
  });
});
