import type { Webhook } from 'standardwebhooks';

/**
 * Returns the headers of an event as Standard Webhooks 1.0.0 specifies, with a signature for each secret.
 *
 * @param id `webhook-id`, the same in every attempt
 */
export function signedHeaders(signers: readonly Webhook[], id: string, body: string): Record<string, string> {
  const now = new Date();
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
    'webhook-signature': signers.map((signer) => signer.sign(id, now, body)).join(' '),
  };
}
