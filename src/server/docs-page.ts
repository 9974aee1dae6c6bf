import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createDocument, type Document } from './document.ts';
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

/**
 * Returns a file of the partners' page, loaded at the first request. The security policy of a page allows its own inline
 * scripts and no other hosts.
 *
 * @param supportContact URL of the contact that the guide shows. Undefined: none.
 */
export function docsFile(file: File, supportContact?: string): Document {
  const key = `${file} ${supportContact}`;
  const document = loaded.get(key) ?? load(file, supportContact);
  loaded.set(key, document);
  return document;
}

/** GET / and /docs: redirects to the partners' page. */
export function redirectToDocs(): Response {
  return new Response(null, { status: 302, headers: { Location: '/docs/', 'Request-Id': newRequestId() } });
}

function load(file: File, supportContact: string | undefined): Document {
  const source = readFileSync(new URL(`../../docs/${file}`, import.meta.url));
  const bytes = supportContact === undefined ? source : withContact(source, supportContact);
  const headers = { 'Content-Type': mediaTypes[file], 'X-Content-Type-Options': 'nosniff' };
  if (!file.endsWith('.html')) return createDocument(bytes, headers);
  return createDocument(bytes, {
    ...headers,
    'Content-Security-Policy': policyFor(bytes.toString('utf8')),
    'Referrer-Policy': 'no-referrer',
  });
}

function withContact(source: Buffer, contact: string): Buffer {
  const url = contact.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
  const text = url.replace(/^(?:mailto|tel):/, '');
  return Buffer.from(
    source
      .toString('utf8')
      .replace(contactPlace, () => `<p id="contact">Contact: <a href="${url}">${text}</a></p>`),
  );
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
    'worker-src blob:',
    "connect-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
