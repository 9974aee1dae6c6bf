import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Document } from './documents.ts';
import { newRequestId } from './respond.ts';

const file = new URL('../../docs/index.html', import.meta.url);

let page: Document | undefined;

/**
 * GET /docs: the partners' page, loaded at the first request. Its security policy allows its own inline scripts and no
 * other hosts.
 */
export function docsPage(): Document {
  page ??= readPage();
  return page;
}

/** GET /: redirects to the partners' page. */
export function redirectToDocs(): Response {
  return new Response(null, { status: 302, headers: { Location: '/docs', 'Request-Id': newRequestId() } });
}

function readPage(): Document {
  const bytes = readFileSync(file);
  const headers = {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': policyFor(bytes.toString('utf8')),
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
  };
  return { bytes, headers };
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
