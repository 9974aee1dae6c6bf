import { makeExactValidator } from 'envalid';

/** Accepts one secret of Standard Webhooks, or several while one is being replaced: the first is the current one. */
export const webhookSecrets = makeExactValidator<readonly string[]>((value) => {
  const secrets = value.split(/\s+/).filter(Boolean);
  const areValid = secrets.every((secret) => {
    const bytes = secretBytes(secret)?.length ?? 0;
    return bytes >= 24 && bytes <= 64;
  });
  if (secrets.length > 0 && areValid) return secrets;
  throw new Error('whsec_ followed by 24 to 64 random bytes in base64; separate several secrets with spaces');
});

/** Returns the bytes of a secret; undefined: it does not have the form of one. */
export function secretBytes(secret: string): Buffer | undefined {
  const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64');
}
