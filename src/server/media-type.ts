import type { ContractOperation } from '../contract/contract.ts';

/** Returns whether a body is uncompressed and of a media type that the operation accepts. */
export function isSupportedMediaType(
  { mediaTypes }: ContractOperation,
  contentType: string | undefined,
  contentEncoding: string | undefined,
): boolean {
  if (contentEncoding && contentEncoding.toLowerCase() !== 'identity') return false;
  const [mediaType = ''] = (contentType ?? '').split(';', 1);
  return mediaTypes.includes(mediaType.trim().toLowerCase());
}
