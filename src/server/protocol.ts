import type { IncomingMessage } from 'node:http';
import type { Reply } from '../contract/reply.ts';
import { notHttp, unknownTransferCoding, unsupportedVersion, wrongHost } from './refusals.ts';

/**
 * Returns the refusal of a request that Node's parser takes and RFC 9112 does not: of another version than 1.0 and
 * 1.1 (section 2.3), with no Host or several (section 3.2), or with a transfer coding besides `chunked` (section 6.1).
 */
export function protocolRefusal(incoming: IncomingMessage): Reply | undefined {
  const { httpVersionMajor, httpVersionMinor, rawHeaders } = incoming;
  if (httpVersionMajor !== 1) return unsupportedVersion;
  let hosts = 0;
  let isCoded = false;
  // Names and values in turn: `headers` has only the first of several hosts. A name's length tells most apart.
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (name.length === host.length && name.toLowerCase() === host) hosts += 1;
    else if (name.length === transferEncoding.length && name.toLowerCase() === transferEncoding)
      isCoded = true;
  }
  if (hosts > 1 || (hosts === 0 && httpVersionMinor === 1)) return wrongHost;
  return isCoded ? codingRefusal(incoming) : undefined;
}

const host = 'host';
const transferEncoding = 'transfer-encoding';

/** The parser has seen to it that the last coding is `chunked` and no other is, and that there is no Content-Length. */
function codingRefusal({ headers, httpVersionMinor }: IncomingMessage): Reply | undefined {
  // Section 6.1: HTTP/1.0 has no transfer codings, so that a proxy of that version may see another end of the request.
  if (httpVersionMinor === 0) return notHttp;
  const isChunkedAlone = (headers[transferEncoding] ?? '').trim().toLowerCase() === 'chunked';
  return isChunkedAlone ? undefined : unknownTransferCoding;
}
