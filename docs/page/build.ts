/**
 * Builds the partners' page as one HTML file: the guide, docs/mock.md and CHANGELOG.md, followed by the reference that
 * Redocly makes from openapi.yaml. Writes docs/index.html, or the file given with `--output`.
 *
 * Reads generated/openapi.json as well, so run `npm run generate` first.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { codeSamples } from './code-samples.ts';
import { type DocumentedOperation, withTables } from './contract-tables.ts';

const root = new URL('../../', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, root), 'utf8');
const { values } = parseArgs({
  options: { output: { type: 'string', default: fileURLToPath(new URL('docs/index.html', root)) } },
});
const mark = read('docs/page/mark.svg');

writeFileSync(values.output, buildPage(documentOfPage()));

/** Returns openapi.yaml with the guide as its description and with code samples. */
function documentOfPage(): unknown {
  const document = parse(read('openapi.yaml'));
  // The dereferenced document: examples and schemas are in their places.
  const bundle: { paths: Record<string, { post: DocumentedOperation }> } = JSON.parse(
    read('generated/openapi.json'),
  );
  const operations = Object.entries(bundle.paths).map(([path, { post }]) => ({ path, ...post }));
  const guide = withTables(read('docs/page/guide.md'), operations);
  document.info.description = [guide, section('docs/mock.md'), section('CHANGELOG.md')].join('\n');
  for (const tag of document.tags) tag['x-displayName'] = 'Reference';
  document.info['x-logo'] = { url: dataUrl(mark), altText: document.info.title };
  for (const { path, requestBody } of operations) {
    const { post } = document.paths[path];
    const [first] = Object.values(requestBody.content['application/json'].examples);
    post['x-codeSamples'] = codeSamples(path, first?.value);
    // Redoc would list the request examples beside the samples, and show the same code for each.
    delete post.requestBody.content['application/json'].examples;
  }
  return document;
}

function buildPage(document: unknown): string {
  const redocly = createRequire(import.meta.url).resolve('@redocly/cli/bin/cli.js');
  const directory = mkdtempSync(join(tmpdir(), 'leads-page-'));
  try {
    const source = join(directory, 'openapi.json');
    writeFileSync(source, JSON.stringify(document));
    const page = join(directory, 'index.html');
    const words = ['build-docs', source, '--output', page, '--inlineBundle'];
    words.push('--config', 'docs/page/redocly.yaml', '--template', 'docs/page/template.hbs');
    execFileSync(process.execPath, [redocly, ...words], { cwd: root, stdio: 'pipe' });
    const icon = mark.replace('viewBox="0 0 160 32" width="160"', 'viewBox="0 0 32 32" width="32"');
    const html = readFileSync(page, 'utf8').replace('href="mark.svg"', `href="${dataUrl(icon)}"`);
    return withReadableChoices(withoutEval(withOwnFooter(html)));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Reads a document of the repository as a section of the page, without its links to other files. */
function section(file: string): string {
  return read(file).replace(/\[([^\]]+)\]\((?!https:|#)[^)]+\)/g, '$1');
}

function dataUrl(svg: string): string {
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** Replaces the logo in Redoc's footer with text, because the page must not load anything from another host. */
function withOwnFooter(html: string): string {
  const logo = /https:\/\/cdn\.redoc\.ly\/redoc\/logo-mini(-full)?\.svg/g;
  const words = /API docs by/g;
  if (html.match(logo) === null || html.match(words) === null) {
    throw new Error("Redoc's footer has changed. Check what it loads, and update withOwnFooter().");
  }
  return html.replace(logo, 'data:,').replace(words, 'Made with Redoc');
}

/**
 * Removes Redoc's check whether it can create functions from text. The page's content security policy forbids it, and
 * browsers report the check as a violation; without the result, search works without a worker.
 */
function withoutEval(html: string): string {
  const check = /try\{return (\w+)\._factory\?\?=Function\(\w+\),!0\}catch\{return!1\}/;
  if (!check.test(html)) {
    throw new Error(
      "Redoc's search has changed. Check whether it still uses eval, and update withoutEval().",
    );
  }
  return html.replace(check, 'return!1');
}

/** Removes a label that hides from screen readers which response example is selected. */
function withReadableChoices(html: string): string {
  const label = /"aria-label":`Example`,(?=options:)/;
  if (!label.test(html)) {
    throw new Error(
      "Redoc's list of examples has changed. Check its label, and update withReadableChoices().",
    );
  }
  return html.replace(label, '');
}
