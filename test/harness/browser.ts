/** Chromium, and the partners' page in it: as the sandbox serves it, and from the disk. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';
import { operationIds } from './contract.ts';
import { type Sandbox, spawnSandbox } from './sandbox.ts';

/** URL of docs/, which contains the page. */
export const disk = pathToFileURL(join(fileURLToPath(new URL('../../docs/', import.meta.url)), '/')).href;

/** Chromium's program. Undefined: it is not installed. */
export const chromiumProgram = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find(existsSync);

/** Options of the tests in a browser, which takes several times as long as alone if other tests use all cores. */
export const browserTests = { timeout: 240_000, meta: { needs: 'chromium' } };

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

/** A page in a window of its own. */
export interface OpenPage {
  page: Page;
  context: BrowserContext;
  /** Errors, violations of the security policy, and requests to other hosts. */
  problems: string[];
}

/** A browser and a sandbox, for all tests of a file. */
export class PageReader {
  readonly #browser: Browser;
  readonly #sandbox: Sandbox;
  #windows = 0;

  private constructor(browser: Browser, sandbox: Sandbox) {
    this.#browser = browser;
    this.#sandbox = sandbox;
  }

  /** Starts a browser and a sandbox. The caller must close them. */
  static async start(): Promise<PageReader> {
    const browser = await chromium.launch({ executablePath: chromiumProgram ?? '', args: switches });
    try {
      return new PageReader(browser, await spawnSandbox({ TRUST_PROXY: '127.0.0.1' }));
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#browser.close();
    this.#sandbox.child.kill('SIGKILL');
  }

  /** URL of the sandbox. */
  get url(): string {
    return this.#sandbox.target.url;
  }

  /** Opens a path of the sandbox or a file in a new window, which is closed after the test. */
  async open(url: string, options: Parameters<Browser['newContext']>[0] = {}): Promise<OpenPage> {
    // Each window has its own address, because downloads are limited by address.
    this.#windows += 1;
    const extraHTTPHeaders = { 'X-Forwarded-For': `192.0.2.${this.#windows}` };
    const context = await this.#browser.newContext({
      extraHTTPHeaders,
      colorScheme: 'light',
      viewport: { width: 1440, height: 900 },
      ...options,
    });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const problems: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('request', (request) => {
      const isOwn = [this.url, disk, 'data:', 'blob:'].some((own) => request.url().startsWith(own));
      if (!isOwn) problems.push(`requested ${request.url()}`);
    });
    await page.addInitScript(`document.addEventListener('securitypolicyviolation', (violation) =>
      console.error(violation.violatedDirective + ' was violated by ' + violation.blockedURI))`);
    await this.go(page, url);
    return { page, context, problems };
  }

  /** Opens a path of the sandbox or a file, and waits until its content is drawn. */
  async go(page: Page, url: string): Promise<void> {
    await page.goto(url.startsWith('file:') ? url : this.url + url);
    if (page.url().includes('reference.html')) await untilDrawn(page);
  }
}

/** Waits until Redoc has drawn every operation. */
export async function untilDrawn(page: Page): Promise<void> {
  for (const id of operationIds()) {
    await page.locator(`[id="leads/${id.toLowerCase()}/request"]`).waitFor({ state: 'attached' });
  }
}

/** Returns the distance of an element from the top of the window. */
export function topOf(page: Page, selector: string): Promise<number> {
  return page.evaluate(
    `document.querySelector(${JSON.stringify(selector)})?.getBoundingClientRect().top ?? -1`,
  );
}

/** Returns the hash of an operation in the reference. */
export function hashOf(id: string): string {
  return `#/leads/${id.toLowerCase()}`;
}

/**
 * Returns the accessibility violations of a page, as the ids of the rules with the elements.
 *
 * @param part selector of a part of the page. Undefined: the whole page.
 */
export async function violationsOf(page: Page, part?: string): Promise<unknown[]> {
  // In its usual mode, axe copies all that it has checked between the browser and Node, which takes most of the time.
  const axe = new AxeBuilder({ page }).setLegacyMode(true).options({ resultTypes: ['violations'] });
  if (part !== undefined) axe.include(part);
  const { violations } = await axe.analyze();
  return violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 200))]);
}

/** Returns how many tables and code blocks need horizontal scrolling, and the width of the page. */
export function overflowOf(page: Page): Promise<{ width: number; parts: number }> {
  return page.evaluate(`({
    width: document.documentElement.scrollWidth,
    parts: [...document.querySelectorAll('main table, main pre, #redoc table, #redoc pre')].filter((part) =>
      part.scrollWidth > part.clientWidth + 2 ||
      part.parentElement.scrollWidth > part.parentElement.clientWidth + 2).length,
  })`);
}
