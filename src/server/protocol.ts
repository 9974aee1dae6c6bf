import type { IncomingMessage } from 'node:http';
import type { Reply } from '../contract/reply.ts';
import { invalidHost, notHttp, unknownTransferCoding, unsupportedVersion } from './refusals.ts';

const host = 'host';
const transferEncoding = 'transfer-encoding';

/**
 * Returns the refusal of a request that Node's parser accepts but RFC 9112 does not allow: an HTTP version other
 * than 1.0 and 1.1 (section 2.3), no Host or several (section 3.2), or a transfer coding other than `chunked` (section
 * 6.1). Undefined: the request is allowed.
 */
export function protocolRefusal(incoming: IncomingMessage): Reply | undefined {
  const { httpVersionMajor, httpVersionMinor, rawHeaders } = incoming;
  if (httpVersionMajor !== 1) return unsupportedVersion;
  let hosts = 0;
  let hasTransferEncoding = false;
  // Raw headers (names and values alternate), because `headers` keeps only the first Host.
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (name.length === host.length && name.toLowerCase() === host) hosts += 1;
    else if (name.length === transferEncoding.length && name.toLowerCase() === transferEncoding)
      hasTransferEncoding = true;
  }
  if (hosts > 1 || (hosts === 0 && httpVersionMinor === 1)) return invalidHost;
  return hasTransferEncoding ? codingRefusal(incoming) : undefined;
}

/**
 * Checks the transfer coding. The parser guarantees that the last one is `chunked`, and that there is no
 * Content-Length.
 */
function codingRefusal({ headers, httpVersionMinor }: IncomingMessage): Reply | undefined {
  // Section 6.1: HTTP/1.0 has no transfer codings, so a proxy of that version may see the request end elsewhere.
  if (httpVersionMinor === 0) return notHttp;
  const isOnlyChunked = (headers[transferEncoding] ?? '').trim().toLowerCase() === 'chunked';
  return isOnlyChunked ? undefined : unknownTransferCoding;
}
