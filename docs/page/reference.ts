/** Builds the reference: Redoc's page from the contract, with samples, response tables, requests and headers. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { codeSamples } from './code-samples.ts';
import {
  type Contract,
  examplesOf,
  headersOf,
  type Operation,
  operationsOf,
  requestOf,
  sampleBody,
} from './contract.ts';
import { asMarkdown, responseTable } from './contract-tables.ts';
import { digestOf } from './shell.ts';

/** The parts of Redoc's page. */
export interface Reference {
  /** Redoc's styles. */
  head: string;
  /** Redoc's bundle and its start. */
  script: string;
}

const root = fileURLToPath(new URL('../../', import.meta.url));

/** SHA-256 of Redoc's bundle for which `withoutOtherHosts` was written. */
const knownBundle = '87027166e539dd827d19b6c089336a2d45d8e82f6c5b6d6e5ac8ab1c30900a17';

/** Builds the reference of a contract. */
export function buildReference(contract: Contract): Reference {
  const redocly = createRequire(import.meta.url).resolve('@redocly/cli/bin/cli.js');
  const directory = mkdtempSync(join(tmpdir(), 'leads-page-'));
  try {
    const source = join(directory, 'openapi.json');
    writeFileSync(source, JSON.stringify(documentOf(contract)));
    const page = join(directory, 'reference.html');
    const words = ['build-docs', source, '--output', page, '--inlineBundle'];
    words.push('--config', 'docs/page/redocly.yaml', '--template', 'docs/page/template.hbs');
    execFileSync(process.execPath, [redocly, ...words], { cwd: root, stdio: 'pipe' });
    return partsOf(readFileSync(page, 'utf8'));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Splits Redoc's page. Its drawn HTML is left out: the page is drawn again with the reader's own values. */
function partsOf(html: string): Reference {
  const [head = '', body = ''] = html.split('<!-- end of the head -->');
  const start = 'const __redoc_definition = ';
  const options = 'const __redoc_options = ';
  const scripts = [...body.matchAll(/<script type="module">([\s\S]*?)<\/script>/g)].map(
    ([, text = '']) => text,
  );
  const text = scripts.find((script) => script.includes(start));
  if (text === undefined) throw new Error("Redoc's page has changed: update partsOf().");
  const bundle = text.slice(0, text.indexOf(start));
  const definition = text
    .slice(text.indexOf(start) + start.length, text.indexOf(options))
    .trim()
    .replace(/;$/, '');
  const chosen = text
    .slice(text.indexOf(options) + options.length)
    .split('\n')[0]
    ?.trim()
    .replace(/;$/, '');
  const call = `hydrate(withOwnValues(${definition}), ${chosen}, document.getElementById('redoc'));`;
  return { head, script: `<script type="module">${withoutOtherHosts(bundle)}${call}</script>` };
}

/**
 * Replaces the URL of a logo in Redoc's hidden menu, which the browser would load from another host, and its check
 * whether it can create functions from text, which browsers report as a violation of the page's security policy.
 *
 * @throws if Redoc's bundle is another one
 */
function withoutOtherHosts(bundle: string): string {
  const digest = digestOf(bundle);
  if (digest !== knownBundle) {
    throw new Error(
      `Redoc's bundle has changed. Check withoutOtherHosts(), then set knownBundle to ${digest}.`,
    );
  }
  return bundle
    .replace(/https:\/\/cdn\.redoc\.ly\/redoc\/logo-mini(-full)?\.svg/g, 'data:,')
    .replace(/try\{return (\w+)\._factory\?\?=Function\(\w+\),!0\}catch\{return!1\}/, 'return!1')
    .replace(/"aria-label":`Example`,(?=options:)/, '');
}

/** Returns the contract as Redoc shows it. */
function documentOf(contract: Contract): unknown {
  // The cast: the copy is changed below, so that it no longer has the members of its type.
  const document = withSingleExamples(structuredClone(contract)) as Contract &
    Record<string, unknown> & {
      components: Record<string, unknown>;
    };
  delete document['webhooks'];
  document.components = { securitySchemes: document.components['securitySchemes'] };
  for (const operation of operationsOf(contract)) {
    const shown = document.paths[operation.path]?.post;
    if (shown === undefined) continue;
    shown.description = `${operation.description}\n\n${tables(operation)}`;
    Object.assign(shown, { 'x-codeSamples': codeSamples(operation.path, sampleBody(operation)) });
    // Redoc would list the request examples beside the samples, and show the same code for each.
    Object.assign(shown.requestBody.content['application/json'], { examples: undefined });
    for (const [status, response] of Object.entries(shown.responses)) {
      const { examples } = response.content['application/json'];
      for (const [name, example] of Object.entries(examples)) {
        example.description = withContext(operation, status, name);
        delete example['x-request'];
      }
    }
  }
  return document;
}

/** Every response, so that the browser's own search finds it. */
function tables(operation: Operation): string {
  const others = Object.keys(operation.responses).filter((status) => status !== '200' && status !== '400');
  const part = (title: string, statuses: string[]) =>
    `<details><summary>${title}</summary>\n\n${asMarkdown(responseTable(operation, statuses))}\n\n</details>`;
  const outcomes = asMarkdown(responseTable(operation, ['200']));
  return [
    `**Outcomes**\n\n${outcomes}`,
    part('Validation errors', ['400']),
    part('Other errors', others),
  ].join('\n\n');
}

/** Returns the description of an example with the request that causes it and with its headers. */
function withContext(operation: Operation, status: string, name: string): string {
  const example = examplesOf(operation, status).find(([key]) => key === name)?.[1];
  if (example === undefined) return '';
  const request = requestOf(operation, name, example);
  const headers = headersOf(operation, status, name);
  return [
    example.description,
    request === undefined ? '' : `Request:\n\n\`\`\`http\n${request}\n\`\`\``,
    headers.length === 0 ? '' : `Response headers:\n\n\`\`\`http\n${headers.join('\n')}\n\`\`\``,
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** Sets `example` beside each list of `examples`, because Redoc shows only the former. */
function withSingleExamples<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const member of Object.values(value)) withSingleExamples(member);
  if ('properties' in value) removeAbsent(Object(value.properties));
  if ('examples' in value && Array.isArray(value.examples))
    Object.assign(value, { example: value.examples[0] });
  return value;
}

/** Removes the members that a response never has (`false`), which Redoc would list. */
function removeAbsent(properties: Record<string, unknown>): void {
  for (const [name, schema] of Object.entries(properties)) if (schema === false) delete properties[name];
}
