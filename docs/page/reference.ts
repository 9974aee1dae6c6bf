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
import { asMarkdown, headerTable, responseTable } from './contract-tables.ts';

/** The parts of Redoc's page. */
export interface Reference {
  /** Redoc's styles. */
  head: string;
  /** Redoc's bundle and its start. */
  script: string;
}

const root = fileURLToPath(new URL('../../', import.meta.url));

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
  const call = `hydrate(withOwnValues(${definition}), withChosenLanguage(${chosen}), document.getElementById('redoc'));`;
  return { head, script: `<script type="module">${bundle}${call}</script>` };
}

/** Returns the contract as Redoc shows it. */
function documentOf(contract: Contract): unknown {
  // The cast: the copy is changed below, so that it no longer has the members of its type.
  const document = asRedocShows(structuredClone(contract)) as Contract & {
    components: Record<string, unknown>;
  };
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

/** Every response and header, so that the browser's own search and printing find them. */
function tables(operation: Operation): string {
  const others = Object.keys(operation.responses).filter((status) => status !== '200' && status !== '400');
  const details = (title: string, content: string) =>
    `<details><summary>${title}</summary>\n\n${content}\n\n</details>`;
  const part = (title: string, statuses: string[]) =>
    details(title, asMarkdown(responseTable(operation, statuses)));
  const outcomes = asMarkdown(responseTable(operation, ['200']));
  return [
    `**Outcomes**\n\n${outcomes}`,
    part('Validation errors', ['400']),
    part('Other errors', others),
    details('Headers', asMarkdown(headerTable([operation]))),
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

/**
 * Changes schemas to what readers need: `example`, because Redoc does not show `examples`; the known values of an open
 * enum, as a list; and the fields of each alternative, without the list of all fields, which is meant for generators.
 */
function asRedocShows<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const member of Object.values(value)) asRedocShows(member);
  const schema: Record<string, unknown> = Object(value);
  if (Array.isArray(schema['examples'])) schema['example'] = schema['examples'][0];
  if (Array.isArray(schema['oneOf'])) delete schema['properties'];
  const known = Array.isArray(schema['anyOf']) ? schema['anyOf'].find((each) => 'enum' in each) : undefined;
  if (known !== undefined) {
    Object.assign(schema, known);
    delete schema['anyOf'];
  }
  return value;
}
