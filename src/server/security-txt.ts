import { newRequestId } from './respond.ts';

/** For how long what it says counts, in milliseconds: RFC 9116 wants less than a year. */
const validFor = 180 * 86_400_000;

/** GET /.well-known/security.txt (RFC 9116): to whom a weakness is reported. */
export function securityTxt(contact: string): Response {
  const expires = new Date(Date.now() + validFor).toISOString();
  return new Response(`Contact: ${contact}\nExpires: ${expires}\nPreferred-Languages: en\n`, {
    headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Request-Id': newRequestId() },
  });
}
