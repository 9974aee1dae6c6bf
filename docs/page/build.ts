/**
 * Builds the partners' page into docs/, or into the directory given with `--output`:
 *
 * - index.html: the guide, from docs/page/guide.md, the contract, docs/mock.md and CHANGELOG.md
 * - reference.html: the reference that Redoc makes from the contract
 * - reference.html.br: the same, compressed; only in docs/
 * - guide.md, llms.txt and postman.json: the guide and the contract for tools
 *
 * Reads the contract in generated/, so run `npm run generate` first.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brotliCompressSync } from 'node:zlib';
import { operationsOf } from './contract.ts';
import { guideAsMarkdown, llmsText, postmanCollection } from './exports.ts';
import { renderGuide } from './markdown.ts';
import { readContract } from './read-contract.ts';
import { buildReference } from './reference.ts';
import { type Repository, withRepository } from './repository.ts';
import { searchIndex } from './search-index.ts';
import { hero, pageOf, script } from './shell.ts';

const root = new URL('../../', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, root), 'utf8');
const docs = fileURLToPath(new URL('docs/', root));
const { values } = parseArgs({ options: { output: { type: 'string', default: docs } } });
const write = (file: string, content: string | Buffer) => writeFileSync(join(values.output, file), content);

const contract = readContract();
const { repository }: { repository?: Repository } = JSON.parse(read('package.json'));
const { title, version } = contract.info;
const operations = operationsOf(contract);
const source = ['docs/page/guide.md', 'docs/mock.md', 'CHANGELOG.md', 'docs/page/guide-end.md']
  .map(section)
  .join('\n');
const guide = renderGuide(source, operations);
const shared = {
  headings: guide.headings,
  operations,
  entries: searchIndex(guide, operations),
  version,
};

const guideParts = {
  title: `${title}: guide`,
  head: '',
  main: `<div class="guide">\n${hero(title, guide.introduction, operations)}\n${guide.html}\n</div>`,
  end: '',
};
write('index.html', pageOf({ file: 'index.html', ...guideParts }, shared));

const reference = buildReference(contract);
const referenceParts = {
  title: `${title}: reference`,
  head: `${reference.head}<style>\n${read('docs/page/reference.css')}</style>`,
  main: '<div id="redoc"></div>',
  end: `${script('reference.js')}\n${reference.script}`,
};
const referencePage = pageOf({ file: 'reference.html', ...referenceParts }, shared);
write('reference.html', referencePage);
// Compressing takes longer than everything else.
if (values.output === docs) write('reference.html.br', brotliCompressSync(referencePage));

write('guide.md', guideAsMarkdown(title, source, operations));
write('llms.txt', llmsText(contract, operations));
write('postman.json', `${JSON.stringify(postmanCollection(contract), null, 2)}\n`);

/** Reads a document of the repository as a part of the page, without its links to other files. */
function section(file: string): string {
  const text = file === 'docs/mock.md' ? withRepository(read(file), repository) : read(file);
  return text.replace(/\[([^\]]+)\]\((?!https:|#|reference\.html)[^)]+\)/g, '$1');
}
