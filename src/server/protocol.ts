import type { IncomingMessage } from 'node:http';
import type { Reply } from '../contract/reply.ts';
import {
  headersTooLarge,
  notHttp,
  unknownTransferCoding,
  unsupportedVersion,
  wrongHost,
} from './refusals.ts';

/** Maximum number of headers of a request. Node drops those beyond one more. */
export const maxHeaders = 100;

/**
 * Returns the refusal of a request that Node's parser takes and RFC 9112 does not: of another version than 1.0 and
 * 1.1 (section 2.3), with no Host or several (section 3.2), or with a transfer coding besides `chunked` (section 6.1).
 */
export function protocolRefusal(incoming: IncomingMessage): Reply | undefined {
  const { httpVersionMajor, httpVersionMinor, rawHeaders } = incoming;
  if (httpVersionMajor !== 1) return unsupportedVersion;
  // A Host or a transfer coding among those that were dropped would be missed.
  if (rawHeaders.length > 2 * maxHeaders) return headersTooLarge;
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

/** The parser has seen to it that the last coding is `chunked`, and that there is no Content-Length. */
function codingRefusal({ headers, httpVersionMinor }: IncomingMessage): Reply | undefined {
  // Section 6.1: HTTP/1.0 has no transfer codings, so that a proxy of that version may see another end of the request.
  if (httpVersionMinor === 0) return notHttp;
  const codings = (headers[transferEncoding] ?? '').split(',').map((coding) => coding.trim().toLowerCase());
  const [last, ...others] = codings.filter((coding) => coding !== '').toReversed();
  if (last !== 'chunked' || others.includes('chunked')) return notHttp;
  return others.length > 0 ? unknownTransferCoding : undefined;
}
