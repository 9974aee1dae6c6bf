import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';

/**
 * Builds the partners' page: openapi.yaml with the guide as its description, made into one file by
 * Redocly. With `--output FILE` it is written there instead of docs/index.html.
 */
const root = new URL('../../', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, root), 'utf8');
const { values } = parseArgs({
  options: { output: { type: 'string', default: fileURLToPath(new URL('docs/index.html', root)) } },
});

const redocly = createRequire(import.meta.url).resolve('@redocly/cli/bin/cli.js');
const directory = mkdtempSync(join(tmpdir(), 'leads-page-'));
try {
  const contract = parse(read('openapi.yaml'));
  contract.info.description = [read('docs/page/guide.md'), part('docs/mock.md'), part('CHANGELOG.md')].join(
    '\n',
  );
  const mark = read('docs/page/mark.svg');
  const icon = mark.replace('viewBox="0 0 160 32" width="160"', 'viewBox="0 0 32 32" width="32"');
  contract.info['x-logo'] = { url: asAddress(mark), altText: contract.info.title };
  // Beside code samples Redoc lists request examples by name, and shows the same code for each.
  for (const path of Object.values<Record<string, { requestBody: RequestBody }>>(contract.paths)) {
    for (const { requestBody } of Object.values(path)) {
      for (const media of Object.values(requestBody.content)) delete media.examples;
    }
  }
  const source = join(directory, 'openapi.json');
  writeFileSync(source, JSON.stringify(contract));
  const page = join(directory, 'index.html');
  const look = [
    '--config',
    'docs/page/redocly.yaml',
    '--template',
    'docs/page/template.hbs',
    '--inlineBundle',
  ];
  execFileSync(process.execPath, [redocly, 'build-docs', source, '--output', page, ...look], {
    cwd: root,
    stdio: 'pipe',
  });
  const html = readFileSync(page, 'utf8').replace('href="mark.svg"', `href="${asAddress(icon)}"`);
  writeFileSync(values.output, withoutEval(ownFooter(html)));
} finally {
  rmSync(directory, { recursive: true });
}

/** A document of the repository as a part of the page, whose links are no links there. */
function part(file: string): string {
  return read(file).replace(/\[([^\]]+)\]\((?!https:)[^)]+\)/g, '$1');
}

interface RequestBody {
  content: Record<string, { examples?: unknown }>;
}

/** A picture within the page. */
function asAddress(svg: string): string {
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** Redoc's footer loads its maker's logo from another host; the page asks none, and names it instead. */
function ownFooter(html: string): string {
  const logo = /https:\/\/cdn\.redoc\.ly\/redoc\/logo-mini(-full)?\.svg/g;
  const words = /API docs by/g;
  if (html.match(logo) === null || html.match(words) === null) {
    throw new Error('The footer of Redoc has changed: look what it loads, and mend this.');
  }
  return html.replace(logo, 'data:,').replace(words, 'Made with Redoc');
}

/**
 * Redoc tries whether it may make code of text, to search in a worker, and searches without one where
 * it may not. The page's policy forbids it, so it need not try: a try is reported as a violation.
 */
function withoutEval(html: string): string {
  const attempt = /try\{return (\w+)\._factory\?\?=Function\(\w+\),!0\}catch\{return!1\}/;
  if (!attempt.test(html)) throw new Error('Redoc’s search has changed: look whether it still tries eval.');
  return html.replace(attempt, 'return!1');
}
