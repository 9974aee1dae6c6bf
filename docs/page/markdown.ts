/** Renders the guide's Markdown as HTML: sections with anchors, code in tabs beside the text, and labelled tables. */
import MarkdownIt from 'markdown-it';
import { createCssVariablesTheme, createHighlighter } from 'shiki';
import { type CodeSample, codeSamples, retrySamples } from './code-samples.ts';
import { type Operation, operationOf } from './contract.ts';
import { type Table, tableFor } from './contract-tables.ts';

/** A heading, for the menu and the search. */
export interface Heading {
  id: string;
  level: number;
  text: string;
}

/** A rendered guide. */
export interface RenderedGuide {
  /** The text before the first heading. */
  introduction: string;
  html: string;
  headings: Heading[];
  /** The text of each section and subsection, by the id of its heading. */
  texts: Map<string, string>;
  /** The generated tables. */
  tables: Table[];
}

/** A part of a section: text, code, or a table or heading over the whole width. */
interface Block {
  kind: 'text' | 'code' | 'wide';
  html: string;
}

const markdown = new MarkdownIt({ html: true });

type Tokens = ReturnType<typeof markdown.parse>;
const theme = createCssVariablesTheme({ variablePrefix: '--code-' });
const highlighter = await createHighlighter({
  themes: [theme],
  langs: ['sh', 'javascript', 'python', 'php', 'json', 'http', 'text'],
});

const highlighterNames: Record<string, string> = {
  curl: 'sh',
  JavaScript: 'javascript',
  Python: 'python',
  PHP: 'php',
  response: 'json',
  '': 'sh',
};

/** Returns the id of a heading. */
export function slug(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '');
}

/** Escapes text for HTML. */
export function escapeHtml(text: string): string {
  return markdown.utils.escapeHtml(text);
}

/** Renders the guide. */
export function renderGuide(source: string, operations: readonly Operation[]): RenderedGuide {
  const rendered: RenderedGuide = { introduction: '', html: '', headings: [], texts: new Map(), tables: [] };
  const introduction: Block[] = [];
  const sections: Block[][] = [];
  for (const tokens of topLevel(markdown.parse(source, {}))) {
    const [first] = tokens;
    if (first === undefined) continue;
    if (first.type === 'heading_open' && first.tag === 'h1') sections.push([]);
    const block = renderBlock(tokens, operations, rendered);
    (sections.at(-1) ?? introduction).push(block);
  }
  rendered.introduction = introduction.map(({ html }) => html).join('');
  rendered.html = sections.map(layOut).join('\n');
  return rendered;
}

/** Splits tokens into those of each top-level block. */
function topLevel(tokens: Tokens): Tokens[] {
  const blocks: Tokens[] = [];
  let current: Tokens = [];
  for (const token of tokens) {
    current.push(token);
    if (token.level === 0 && token.nesting <= 0) {
      blocks.push(current);
      current = [];
    }
  }
  return blocks;
}

function renderBlock(tokens: Tokens, operations: readonly Operation[], rendered: RenderedGuide): Block {
  const [first] = tokens;
  const content = tokens.map(({ content }) => content).join('\n');
  if (first?.type === 'heading_open') return heading(Number(first.tag.slice(1)), content.trim(), rendered);
  const lastId = rendered.headings.at(-1)?.id ?? '';
  if (first?.type === 'fence') return { kind: 'code', html: fence(first.info, first.content, operations) };
  const comment = /^<!-- (.+) -->\s*$/.exec(first?.type === 'html_block' ? first.content : '')?.[1];
  if (comment === 'contact') return { kind: 'text', html: '<p id="contact" hidden></p>' };
  if (comment !== undefined) {
    const table = tableFor(comment, operations);
    rendered.tables.push(table);
    return { kind: 'wide', html: tableHtml(table) };
  }
  rendered.texts.set(lastId, `${rendered.texts.get(lastId) ?? ''} ${content}`);
  if (first?.type === 'table_open') return { kind: 'wide', html: tableHtml(tableOf(tokens)) };
  return { kind: 'text', html: markdown.renderer.render(tokens, markdown.options, {}) };
}

function heading(level: number, text: string, rendered: RenderedGuide): Block {
  const plain = text.replaceAll('`', '');
  const isTaken = (id: string) => rendered.headings.some((other) => other.id === id);
  let id = slug(plain);
  if (isTaken(id)) id = `${rendered.headings.findLast((other) => other.level < level)?.id}-${id}`;
  rendered.headings.push({ id, level, text: plain });
  const tag = `h${level + 1}`;
  const link = `<a class="anchor" href="#${id}" aria-label="Link to ${escapeHtml(plain)}">#</a>`;
  return { kind: 'wide', html: `<${tag} id="${id}">${markdown.renderInline(text)} ${link}</${tag}>` };
}

/** Lays out a section: text with its code beside it, and everything else over the whole width. */
function layOut(blocks: readonly Block[]): string {
  const parts: string[] = [];
  for (let index = 0; index < blocks.length; ) {
    if (blocks[index]?.kind === 'wide') {
      parts.push(blocks[index]?.html ?? '');
      index += 1;
      continue;
    }
    const run: Block[] = [];
    for (; index < blocks.length && blocks[index]?.kind !== 'wide'; index += 1)
      run.push(blocks[index] as Block);
    parts.push(pairs(run));
  }
  return `<section>\n${parts.join('\n')}\n</section>`;
}

/** Lays out text with its code beside it: the text up to each group of code, and after the last group its rest. */
function pairs(run: readonly Block[]): string {
  const groups: { kind: Block['kind']; blocks: Block[] }[] = [];
  for (const block of run) {
    if (groups.at(-1)?.kind === block.kind) groups.at(-1)?.blocks.push(block);
    else groups.push({ kind: block.kind, blocks: [block] });
  }
  const parts: (typeof groups)[] = [[]];
  const lastCode = groups.findLastIndex(({ kind }) => kind === 'code');
  for (const [index, group] of groups.entries()) {
    parts.at(-1)?.push(group);
    if (group.kind === 'code' && index < lastCode) parts.push([]);
  }
  return parts.map(pair).join('\n');
}

function pair(groups: readonly { kind: Block['kind']; blocks: Block[] }[]): string {
  const texts = groups.filter(({ kind }) => kind === 'text').flatMap(({ blocks }) => blocks);
  const inner = groups.map(({ kind, blocks }) => {
    const html = blocks.map((block) => block.html).join('');
    return kind === 'code' ? `<div class="codes">${html}</div>` : html;
  });
  if (texts.length === groups.flatMap(({ blocks }) => blocks).length)
    return `<div class="prose">${inner.join('')}</div>`;
  return `<div class="pair" style="--texts:${texts.length}">${inner.join('')}</div>`;
}

/**
 * Returns the HTML of a code block. `request` and `retry` blocks contain the body of a request; what follows the
 * language of another block is its title.
 */
function fence(info: string, content: string, operations: readonly Operation[]): string {
  const [kind = '', id = ''] = info.trim().split(' ');
  if (kind === 'request' || kind === 'retry') return tabs(samplesOf(kind, id, content, operations), id);
  const title = kind === 'response' ? 'Response' : info.trim().slice(kind.length).trim();
  return codeBlock(highlighterNames[kind] ?? kind, content, title);
}

/** Returns the samples of a `request` or `retry` block. */
export function samplesOf(
  kind: string,
  id: string,
  content: string,
  operations: readonly Operation[],
): CodeSample[] {
  const { path } = operationOf(id, operations);
  const body: unknown = JSON.parse(content);
  return kind === 'retry' ? retrySamples(path, body) : codeSamples(path, body);
}

let groups = 0;

function tabs(samples: readonly CodeSample[], id: string): string {
  groups += 1;
  const name = `sample-${groups}`;
  const buttons = samples.map(
    ({ lang }, index) =>
      `<button role="tab" id="${name}-${lang}" data-language="${lang}" aria-controls="${name}-${lang}-panel" ` +
      `aria-selected="${index === 0}" tabindex="${index === 0 ? 0 : -1}">${lang}</button>`,
  );
  const panels = samples.map(
    ({ lang, source }, index) =>
      `<div role="tabpanel" id="${name}-${lang}-panel" aria-labelledby="${name}-${lang}" ` +
      `data-language="${lang}"${index === 0 ? '' : ' hidden'}>` +
      `${highlight(highlighterNames[lang] ?? 'text', source)}</div>`,
  );
  return (
    `<div class="code"><div class="bar"><div role="tablist" aria-label="Language of the sample (${id})">` +
    `${buttons.join('')}</div>${copyButton}</div>${panels.join('')}</div>`
  );
}

const copyButton = '<button class="copy" type="button">Copy</button>';

function codeBlock(language: string, content: string, title: string): string {
  return (
    `<div class="code"><div class="bar"><span>${title || label(language)}</span>${copyButton}</div>` +
    `${highlight(language, content)}</div>`
  );
}

function label(language: string): string {
  return { sh: 'Shell', json: 'JSON', http: 'Headers', text: 'Text' }[language] ?? language;
}

function highlight(language: string, source: string): string {
  const html = highlighter.codeToHtml(source.trimEnd(), {
    lang: language,
    theme: 'css-variables',
    // Without a limit, so that the colours do not depend on how busy the machine is.
    tokenizeTimeLimit: 0,
  });
  // Colours of the theme's variables, without the span around each line.
  return html
    .replace(/<pre [^>]*>/, '<pre tabindex="0">')
    .replaceAll('style="color:var(--code-foreground)"', '');
}

/** Returns the HTML of a table, whose cells show the heading of their column on narrow screens. */
function tableHtml({ headings, rows }: Table): string {
  const head = headings.map((text) => `<th scope="col">${markdown.renderInline(text)}</th>`).join('');
  const body = rows.map(({ id, cells }) => {
    const data = cells.map((cell, index) => {
      const heading = escapeHtml((headings[index] ?? '').replaceAll('`', ''));
      return `<td data-label="${heading}"><div>${markdown.renderInline(cell)}</div></td>`;
    });
    return `<tr${id === '' ? '' : ` id="${id}"`}>${data.join('')}</tr>`;
  });
  const count = `columns-${headings.length}`;
  return `<table class="${count}"><thead><tr>${head}</tr></thead><tbody>\n${body.join('\n')}</tbody></table>`;
}

/** Returns a table that is written in the guide. */
function tableOf(tokens: Tokens): Table {
  const rows: string[][] = [];
  for (const token of tokens) {
    if (token.type === 'tr_open') rows.push([]);
    if (token.type === 'inline') rows.at(-1)?.push(token.content);
  }
  const [headings = [], ...others] = rows;
  return { headings, rows: others.map((cells) => ({ id: '', cells })) };
}
