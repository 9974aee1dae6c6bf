import { newRequestId } from './respond.ts';

/** Validity of the file (ms); RFC 9116 recommends less than a year. */
const validity = 180 * 86_400_000;

/** GET /.well-known/security.txt (RFC 9116): the contact for security reports. */
export function securityTxt(contact: string): Response {
  const expires = new Date(Date.now() + validity).toISOString();
  return new Response(`Contact: ${contact}\nExpires: ${expires}\nPreferred-Languages: en\n`, {
    headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Request-Id': newRequestId() },
  });
}
