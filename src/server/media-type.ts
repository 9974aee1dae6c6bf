import type { ContractOperation } from '../contract/document.ts';

/** Returns whether a body is uncompressed and of a media type that the operation accepts. */
export function isSupportedMediaType(
  contract: ContractOperation,
  contentType: string | undefined,
  contentEncoding: string | undefined,
): boolean {
  if (contentEncoding && contentEncoding.toLowerCase() !== 'identity') return false;
  const [mediaType = ''] = (contentType ?? '').split(';', 1);
  return contract.mediaTypes.includes(mediaType.trim().toLowerCase());
}
