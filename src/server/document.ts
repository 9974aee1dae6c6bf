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
  /** The same, compressed. Undefined: not yet. */
  compressed?: Readonly<Record<Coding, Buffer>>;
  /** Weak entity tag, the same for every content coding. */
  etag?: string;
  headers: Readonly<Record<string, string>>;
}

/** What is sent of a document in one response. */
export interface Representation {
  bytes: Buffer;
  headers: Readonly<Record<string, string>>;
}

/** Brotli's quality: one more would take several times as long for a few percent. */
const brotliQuality = 9;

/** Returns a document that is compressed in the background; until then, it is sent as it is. */
export function createDocument(bytes: Buffer, headers: Readonly<Record<string, string>>): Document {
  const etag = `W/"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  const caching = { ETag: etag, 'Cache-Control': 'no-cache', Vary: 'Accept-Encoding' };
  const document: Document = { bytes, etag, headers: { ...headers, ...caching } };
  // If it fails, the document is still sent as it is; an unhandled rejection would end the process.
  compress(bytes).then(
    (compressed) => {
      document.compressed = compressed;
    },
    () => {},
  );
  return document;
}

async function compress(bytes: Buffer): Promise<Record<Coding, Buffer>> {
  const params = { [constants.BROTLI_PARAM_QUALITY]: brotliQuality };
  const [br, gzipped] = await Promise.all([
    promisify(brotliCompress)(bytes, { params }),
    promisify(gzip)(bytes, { level: constants.Z_BEST_COMPRESSION }),
  ]);
  return { br, gzip: gzipped };
}

/** Returns the document as a client accepts it (RFC 9110, section 12.5.3). */
export function representationOf(document: Document, acceptEncoding: string | undefined): Representation {
  const { bytes, compressed, headers } = document;
  const coding = compressed === undefined ? undefined : preferredCoding(acceptEncoding ?? '');
  if (compressed === undefined || coding === undefined) return { bytes, headers };
  return { bytes: compressed[coding], headers: { ...headers, 'Content-Encoding': coding } };
}

/** Returns whether a client has this version of the document (RFC 9110, section 13.1.2). */
export function isCurrent({ etag }: Document, ifNoneMatch: string | undefined): boolean {
  if (etag === undefined || ifNoneMatch === undefined) return false;
  const opaque = (tag: string) => tag.trim().replace(/^W\//, '');
  return ifNoneMatch.split(',').some((tag) => tag.trim() === '*' || opaque(tag) === opaque(etag));
}

function preferredCoding(acceptEncoding: string): Coding | undefined {
  const qualities = new Map<string, number>();
  for (const part of acceptEncoding.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((word) => word.trim());
    const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    qualities.set(name, quality === undefined ? 1 : Number(quality));
  }
  return codings.find((coding) => (qualities.get(coding) ?? qualities.get('*') ?? 0) > 0);
}
