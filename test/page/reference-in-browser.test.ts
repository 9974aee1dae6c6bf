/** The reference of the partners' page, opened in a browser. Redoc takes seconds to draw it, so tests share windows. */
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OperationId } from '../../src/contract/reply.ts';
import {
  browserTests,
  chromiumProgram,
  disk,
  hashOf,
  overflowOf,
  PageReader,
  topOf,
  untilDrawn,
  violationsOf,
} from '../harness/browser.ts';
import { operationIds, operationOf, responseExamples } from '../harness/contract.ts';

let reader: PageReader;

/** The part of the reference about an operation. */
function sectionOf(page: Page, id: string): Locator {
  return page.locator(`[data-section-id="/leads/${id.toLowerCase()}"]`).last();
}

/** Returns what the reference of an operation must contain: its headers, and the summaries of its responses. */
function textsOf(id: OperationId): string[] {
  return Object.entries(operationOf(id).responses).flatMap(([status, { headers }]) => [
    ...Object.keys(headers),
    ...Object.values(responseExamples(id, Number(status))).map(({ summary = '' }) => summary),
  ]);
}

/** Returns the languages of the samples that the reference shows. */
function shownLanguages(page: Page): Promise<string[]> {
  return page.evaluate(`[...document.querySelectorAll('#redoc button[aria-haspopup=menu]')]
    .map((button) => button.textContent).filter((text) => ['curl', 'JavaScript', 'Python', 'PHP'].includes(text))`);
}

/** Shows the responses with a status, both their description and their examples, of every operation that has it. */
async function showStatus(page: Page, status: string): Promise<void> {
  await page.evaluate(`for (const button of document.querySelectorAll('#redoc button'))
    if (button.textContent === ${JSON.stringify(status)}) button.click()`);
}

describe('in Chromium', { ...browserTests, skip: chromiumProgram === undefined }, () => {
  beforeAll(async () => {
    if (chromiumProgram !== undefined) reader = await PageReader.start();
  });
  afterAll(() => reader?.close());

  test.each([
    ['/', '/docs/'],
    [`${disk}index.html`, disk],
  ])(
    'leads from the first screen of %s to the reference, whose hashes open every operation and field',
    async (first, base) => {
      const { page, problems } = await reader.open(first);
      const link = page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Reference' });
      expect((await link.boundingBox())?.y).toBeLessThan(60);
      await link.click();
      await untilDrawn(page);
      await page.getByRole('heading', { name: 'Look up a lead' }).first().waitFor();
      for (const id of operationIds().toReversed()) {
        await page
          .getByRole('navigation', { name: 'Contents' })
          .locator(`[href="${hashOf(id)}"]`)
          .click();
        const heading = `[id="leads/${id.toLowerCase()}"] h2`;
        await expect.poll(() => topOf(page, heading)).toBeLessThan(400);
        expect(await topOf(page, heading)).toBeGreaterThan(50);
      }
      await page.goto('about:blank');
      const field = 'leads/cancellead/t=request&path=mobile';
      await reader.go(page, `${base}reference.html${hashOf('cancelLead')}#${field}`);
      await expect.poll(() => topOf(page, `[id="${field}"]`)).toBeLessThan(400);
      expect(await topOf(page, `[id="${field}"]`)).toBeGreaterThan(50);
      expect(problems).toEqual([]);
    },
  );

  test('shows the URL of the server, the key of this tab and the language chosen in the guide', async () => {
    const { page } = await reader.open('/docs/');
    await page.locator('#key').fill('leads_mine');
    await page.getByRole('tab', { name: 'Python' }).first().click();
    await reader.go(page, '/docs/reference.html');
    const text = () => page.locator('#redoc').innerText();
    expect(await text()).toContain('Bearer leads_mine');
    expect(await text()).toContain(`"${reader.url}/lead/cancel"`);
    expect(await text()).not.toMatch(/leads\.example|YOUR_KEY/);
    const samples = (language: string) => operationIds().map(() => language);
    expect(await shownLanguages(page)).toEqual(samples('Python'));

    await sectionOf(page, 'cancelLead').getByRole('button', { name: 'Python' }).click();
    await page.getByRole('menuitem', { name: 'PHP' }).click();
    await expect.poll(() => shownLanguages(page)).toEqual(samples('PHP'));

    await page.locator('#key').fill('leads_other');
    await page.locator('#key').press('Enter');
    await expect.poll(text).toContain('Bearer leads_other');
    await expect.poll(() => shownLanguages(page)).toEqual(samples('PHP'));
    await reader.go(page, '/docs/');
    expect(await page.getByRole('tab', { selected: true }).first().innerText()).toBe('PHP');
  });

  test('contains every response and header of every operation, shows those of other tabs, and prints everything', async () => {
    const { page, problems } = await reader.open('/docs/reference.html');
    for (const id of operationIds()) {
      const text = await sectionOf(page, id).textContent();
      for (const expected of textsOf(id)) expect(text).toContain(expected);
    }
    const section = sectionOf(page, 'addLead');
    await showStatus(page, '429');
    await section.getByText('Retry-After: 1').first().waitFor();
    await showStatus(page, '400');
    await section
      .getByText(/POST \/lead\/add(?!-many)/)
      .first()
      .waitFor();

    await page.setViewportSize({ width: 1024, height: 900 });
    await page.emulateMedia({ media: 'print' });
    expect(await page.locator('#redoc button:not([role=tab]):visible').count()).toBe(0);
    for (const hidden of ['.top', '#menu', '#redoc .menu-content'])
      expect(await page.locator(hidden).first().isVisible(), hidden).toBe(false);
    // Only what is visible, without the breaks of lines.
    const printed = (await page.locator('#redoc').innerText()).replace(/\s+/g, ' ');
    for (const expected of operationIds().flatMap(textsOf)) expect(printed).toContain(expected);
    expect(problems).toEqual([]);
  });

  test('needs no horizontal scrolling and has no accessibility violations with everything open, in other tabs, on phones and in dark colours', async () => {
    const { page } = await reader.open('/docs/reference.html');
    await page.evaluate(`for (const part of document.querySelectorAll('#redoc details')) part.open = true`);
    for (const width of [1440, 1024, 768, 390]) {
      await page.setViewportSize({ width, height: 900 });
      const overflow = await overflowOf(page);
      expect(overflow.width, `${width}`).toBeLessThanOrEqual(width);
      expect(overflow.parts, `${width}`).toBe(0);
    }
    const label = `getComputedStyle(document.querySelector('#redoc td'), '::before').content`;
    expect(await page.evaluate(label)).toBe('"Response"');

    await page.setViewportSize({ width: 1440, height: 900 });
    expect(await violationsOf(page)).toEqual([]);
    await page.setViewportSize({ width: 390, height: 900 });
    await page.locator('#theme').click();
    expect(await violationsOf(page), 'phone, dark').toEqual([]);
    await page.setViewportSize({ width: 1440, height: 900 });
    for (const [status, colours] of [
      ['400', 'dark'],
      ['429', 'light'],
    ] as const) {
      await showStatus(page, status);
      await sectionOf(page, 'addLead').getByRole('tab', { name: status, selected: true }).waitFor();
      const part = '[data-section-id="/leads/addlead"]';
      expect(await violationsOf(page, part), `${status}, ${colours}`).toEqual([]);
      if (colours === 'dark') await page.locator('#theme').click();
    }
  });
});
