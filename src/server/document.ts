import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

/** Content codings of documents, the best one first. */
const codings = ['br', 'gzip'] as const;

type Coding = (typeof codings)[number];

/** A static document that needs no key. */
export interface Document {
  /** Shared by all responses, so that an unread response does not hold a copy. */
  bytes: Buffer;
  /** The same in each content coding that was given or requested. Undefined as a result: it could not be compressed. */
  compressed: Map<Coding, Buffer | Promise<Buffer | undefined>>;
  /** Weak entity tag, the same for every content coding. */
  etag: string;
  headers: Readonly<Record<string, string>>;
}

/** What is sent of a document in one response. */
export interface Representation {
  bytes: Buffer;
  headers: Readonly<Record<string, string>>;
}

/** Brotli's quality: the best one that takes only a few milliseconds for a document of some hundred kilobytes. */
const brotliQuality = 5;

const compressors: Readonly<Record<Coding, (bytes: Buffer) => Promise<Buffer>>> = {
  br: (bytes) =>
    promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: brotliQuality } }),
  gzip: (bytes) => promisify(gzip)(bytes, { level: constants.Z_BEST_COMPRESSION }),
};

/**
 * Returns a document. It is compressed at the first request that accepts a coding, and that response waits for it.
 *
 * @param brotli the document in Brotli's coding, if it is too large to be compressed at a request
 */
export function createDocument(
  bytes: Buffer,
  headers: Readonly<Record<string, string>>,
  brotli?: Buffer,
): Document {
  const etag = `W/"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  const caching = { ETag: etag, 'Cache-Control': 'no-cache', Vary: 'Accept-Encoding' };
  const compressed: Document['compressed'] = new Map(brotli === undefined ? [] : [['br', brotli]]);
  return { bytes, compressed, etag, headers: { ...headers, ...caching } };
}

/** Returns the document as a client accepts it (RFC 9110, section 12.5.3). A promise: it is being compressed. */
export function representationOf(
  document: Document,
  acceptEncoding: string | undefined,
): Representation | Promise<Representation> {
  const { bytes, headers } = document;
  const coding = preferredCoding(acceptEncoding ?? '');
  if (coding === undefined) return { bytes, headers };
  const encoded = { ...headers, 'Content-Encoding': coding };
  const compressed = compressedAs(coding, document);
  if (Buffer.isBuffer(compressed)) return { bytes: compressed, headers: encoded };
  return compressed.then((result) =>
    result === undefined ? { bytes, headers } : { bytes: result, headers: encoded },
  );
}

/** Returns whether a client has this version of the document (RFC 9110, section 13.1.2). */
export function isCurrent({ etag }: Document, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined) return false;
  const opaque = (tag: string) => tag.trim().replace(/^W\//, '');
  return ifNoneMatch.split(',').some((tag) => tag.trim() === '*' || opaque(tag) === opaque(etag));
}

function compressedAs(coding: Coding, { bytes, compressed }: Document): Buffer | Promise<Buffer | undefined> {
  const known = compressed.get(coding);
  if (known !== undefined) return known;
  // If it fails, the document is sent as it is.
  const pending = compressors[coding](bytes).then(
    (result) => {
      compressed.set(coding, result);
      return result;
    },
    () => undefined,
  );
  compressed.set(coding, pending);
  return pending;
}

/** Returns the coding with the highest quality value, or undefined if the document must not or need not be encoded. */
function preferredCoding(acceptEncoding: string): Coding | undefined {
  const qualities = new Map<string, number>();
  for (const part of acceptEncoding.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((word) => word.trim());
    const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    qualities.set(name, quality === undefined ? 1 : Number(quality));
  }
  const quality = (coding: Coding) => qualities.get(coding) ?? qualities.get('*') ?? 0;
  const best = codings.reduce((one, other) => (quality(other) > quality(one) ? other : one));
  // A client that does not list `identity` accepts it, but prefers every coding that it lists.
  return quality(best) > 0 && quality(best) >= (qualities.get('identity') ?? 0) ? best : undefined;
}
