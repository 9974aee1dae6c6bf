import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createDocument, type Document } from './document.ts';
import { withPublicUrl } from './public-url.ts';
import { newRequestId } from './respond.ts';

/** The files of the partners' page in docs/, with their media types. */
const mediaTypes = {
  'index.html': 'text/html; charset=utf-8',
  'reference.html': 'text/html; charset=utf-8',
  'guide.md': 'text/markdown; charset=utf-8',
  'llms.txt': 'text/plain; charset=utf-8',
  'postman.json': 'application/json',
};

type File = keyof typeof mediaTypes;

/** The path of each file: links between the files are relative, and work from the disk as well. */
export const docsPaths: Readonly<Record<string, File>> = {
  '/docs/': 'index.html',
  '/docs/index.html': 'index.html',
  '/docs/reference.html': 'reference.html',
  '/docs/guide.md': 'guide.md',
  '/docs/llms.txt': 'llms.txt',
  '/llms.txt': 'llms.txt',
  '/docs/postman.json': 'postman.json',
};

const loaded = new Map<string, Document>();

/** The place of the contact for partners in the guide. */
const contactPlace = '<p id="contact" hidden></p>';

/** What a deployment shows in the files of the partners' page. */
export interface DocsValues {
  /** URL of the contact that the guide shows. Undefined: none. */
  supportContact?: string | undefined;
  /** URL of the server in the files for tools, without a slash at its end. Undefined: a placeholder. */
  publicUrl?: string | undefined;
}

/**
 * Returns a file of the partners' page, loaded at the first request. The security policy of a page allows its own
 * inline scripts and no other hosts.
 */
export function docsFile(file: File, { supportContact, publicUrl }: DocsValues = {}): Document {
  const key = JSON.stringify([file, supportContact, publicUrl]);
  const document = loaded.get(key) ?? load(file, { supportContact, publicUrl });
  loaded.set(key, document);
  return document;
}

/** GET / and /docs: redirects to the partners' page. */
export function redirectToDocs(): Response {
  return new Response(null, { status: 302, headers: { Location: '/docs/', 'Request-Id': newRequestId() } });
}

function load(file: File, { supportContact, publicUrl }: DocsValues): Document {
  const source = read(file);
  const headers = { 'Content-Type': mediaTypes[file], 'X-Content-Type-Options': 'nosniff' };
  if (!file.endsWith('.html'))
    return createDocument(Buffer.from(withPublicUrl(source.toString('utf8'), publicUrl)), headers);
  const html = withContact(source.toString('utf8'), supportContact);
  const ownHeaders = {
    ...headers,
    'Content-Security-Policy': policyFor(html),
    'Referrer-Policy': 'no-referrer',
  };
  // The largest file, and the same for every deployment: `npm run docs` compresses it.
  if (file === 'reference.html') return createDocument(source, ownHeaders, read('reference.html.br'));
  return createDocument(Buffer.from(html), ownHeaders);
}

function read(file: string): Buffer {
  return readFileSync(new URL(`../../docs/${file}`, import.meta.url));
}

function withContact(html: string, contact: string | undefined): string {
  if (contact === undefined) return html;
  const url = contact.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
  const text = url.replace(/^(?:mailto|tel):/, '');
  return html.replace(contactPlace, () => `<p id="contact">Contact: <a href="${url}">${text}</a></p>`);
}

/** Returns the Content Security Policy (Level 3) of a page, with the digest of each inline script. */
function policyFor(html: string): string {
  const scripts = [...html.matchAll(/<script(?:\s[^>]*)?>([\s\S]*?)<\/script>/g)].map(
    ([, script = '']) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`,
  );
  return [
    "default-src 'none'",
    `script-src ${scripts.join(' ')}`,
    "style-src 'unsafe-inline'",
    'img-src data:',
    'font-src data:',
    "connect-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
