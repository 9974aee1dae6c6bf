import type { ContractOperation } from '../contract/document.ts';

/** Whether a body is sent in a form that the operation takes: JSON, not compressed. An empty coding is none. */
export function isAcceptable(
  contract: ContractOperation,
  contentType: string | undefined,
  contentEncoding: string | undefined,
): boolean {
  if (contentEncoding && contentEncoding.toLowerCase() !== 'identity') return false;
  const [mediaType = ''] = (contentType ?? '').split(';', 1);
  return contract.mediaTypes.includes(mediaType.trim().toLowerCase());
}
