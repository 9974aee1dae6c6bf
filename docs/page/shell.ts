/** The frame that the guide and the reference share: header, menu and footer. */
import { readFileSync } from 'node:fs';
import { urlPlaceholder } from './code-samples.ts';
import { type Operation, referenceHash } from './contract.ts';
import { escapeHtml, type Heading } from './markdown.ts';
import type { SearchEntry } from './search-index.ts';

/** What differs between the two files. */
interface PageParts {
  /** File name. */
  file: 'index.html' | 'reference.html';
  title: string;
  /** HTML at the end of the head. */
  head: string;
  /** HTML of the content. */
  main: string;
  /** HTML before the end of the body. */
  end: string;
}

/** What both files contain. */
interface SharedParts {
  headings: readonly Heading[];
  operations: readonly Operation[];
  entries: readonly SearchEntry[];
  version: string;
}

const read = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8');
const mark = read('mark.svg');

/** Returns a script of the folder `browser` as an inline script. */
export function script(file: string): string {
  return `<script>\n${read(`browser/${file}`)}</script>`;
}

/** Returns a complete page. */
export function pageOf({ file, title, head, main, end }: PageParts, shared: SharedParts): string {
  const icon = mark.replace('viewBox="0 0 160 32" width="160"', 'viewBox="0 0 32 32" width="32"');
  // Redoc has its own main element.
  const element = file === 'reference.html' ? 'div' : 'main';
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${escapeHtml(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="Send leads to a call centre, cancel them, look them up, and record objections to calls.">
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(icon)}">
${script('theme.js')}
<style>
${read('style.css')}</style>
${head}
</head>
<body data-page="${file}">
<a class="skip" href="#content">Skip to content</a>
${header(file)}
<div class="frame">
${menu(file, shared)}
<${element} id="content" tabindex="-1">
${main}
${footer(shared.version)}
</${element}>
</div>
<script type="application/json" id="search-index">${inlineJson(shared.entries)}</script>
${script('page.js')}
${script('search.js')}
${end}
</body>
</html>
`;
}

/** Returns the top of the guide: what the API is, and its operations. */
export function hero(title: string, introduction: string, operations: readonly Operation[]): string {
  const items = operations.map((operation) => {
    const { path, summary, description } = operation;
    const [sentence = ''] = /^.*?\.(?= |$)/.exec(description) ?? [];
    return (
      `<li><a href="reference.html${referenceHash(operation)}"><span class="method">POST</span>` +
      `<span><strong>${escapeHtml(summary)}</strong> <code>${path}</code></span>` +
      `<span>${escapeHtml(sentence)}</span></a></li>`
    );
  });
  return `<div class="hero"><div><h1>${escapeHtml(title)}</h1>
${introduction}<p class="links"><a href="#quick-start">Quick start</a><a href="reference.html">Reference</a></p></div>
<ul class="operations">${items.join('')}</ul></div>`;
}

/** Returns JSON that cannot end the script element that contains it. */
export function inlineJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

function header(file: string): string {
  const link = (target: string, text: string) =>
    `<a href="${target}"${target === file ? ' aria-current="page"' : ''}>${text}</a>`;
  // Redoc draws the first heading only above its overview.
  const heading = file === 'reference.html' ? '<h1 class="hidden">Reference</h1>\n' : '';
  return `<header class="top">
${heading}<a class="logo" href="index.html" aria-label="Leads API, guide">${mark}</a>
<nav class="pages" aria-label="Pages">${link('index.html', 'Guide')}${link('reference.html', 'Reference')}</nav>
<div class="search" role="search">
<input id="search" type="search" placeholder="Search" aria-label="Search" autocomplete="off" spellcheck="false"
 role="combobox" aria-expanded="false" aria-controls="hits" aria-autocomplete="list">
<kbd aria-hidden="true">/</kbd>
<div id="hits" role="listbox" aria-label="Search results" hidden></div>
</div>
<label class="value url"><span>URL</span><input id="url" type="url" placeholder="${urlPlaceholder}"
 autocomplete="off" spellcheck="false" title="URL in all samples, kept in this tab only"></label>
<label class="value key"><span>Key</span><input id="key" type="text" placeholder="Key"
 autocomplete="off" spellcheck="false" title="Key in all samples, kept in this tab only"></label>
<button id="theme" type="button" aria-label="Switch between light and dark"><svg viewBox="0 0 24 24" width="20" height="20"
 aria-hidden="true"><path fill="currentColor" d="M12 3a9 9 0 1 0 0 18V3z"/><circle cx="12" cy="12" r="9" fill="none"
 stroke="currentColor" stroke-width="2"/></svg></button>
<button id="menu-button" type="button" aria-expanded="false" aria-controls="menu">Menu</button>
</header>`;
}

function menu(file: string, { headings, operations }: SharedParts): string {
  const guide = file === 'index.html' ? '' : 'index.html';
  const reference = file === 'reference.html' ? '' : 'reference.html';
  const sections = headings.flatMap(({ id, level, text }) => {
    if (level > 2 || /^\d/.test(text)) return [];
    return [`<li class="level-${level}"><a href="${guide}#${id}">${escapeHtml(shortened(text))}</a></li>`];
  });
  const references = operations.map(
    (operation) =>
      `<li><a href="${reference}${referenceHash(operation)}">${escapeHtml(operation.summary)}` +
      `<span class="method">POST</span></a></li>`,
  );
  const groups = [
    `<h2>Guide</h2><ul>${sections.join('')}</ul>`,
    `<h2>Reference</h2><ul>${references.join('')}</ul>`,
  ];
  if (file === 'reference.html') groups.reverse();
  return `<nav id="menu" aria-label="Contents">\n${groups.join('\n')}\n</nav>`;
}

/** Returns a heading without the word of the heading above it. */
function shortened(text: string): string {
  const short = text.replace(/^Outcomes of /, '');
  return short.charAt(0).toUpperCase() + short.slice(1);
}

function footer(version: string): string {
  return `<footer>
<p><strong>For tools:</strong> <a href="../openapi.yaml" data-from-disk="../generated/partners.yaml">OpenAPI (YAML)</a>,
<a href="../openapi.json" data-from-disk="../generated/partners.json">OpenAPI (JSON)</a>,
<a href="postman.json" download="leads-api.postman_collection.json">Postman collection</a>,
<a href="guide.md">this guide as Markdown</a>, <a href="llms.txt">llms.txt</a></p>
<p>Version ${escapeHtml(version)} of the contract. The reference is made with Redoc.</p>
</footer>`;
}
