/**
 * What is multiplied with to put phone numbers in no order, as people have them: each is far from the last, in the golden
 * ratio, and none comes twice, since it has no factor in common with a power of ten.
 */
export const stride = 61_803_399;

/** The last eight digits of the phone number of the n-th person. */
export function scattered(n: number): string {
  return String((n * stride) % 100_000_000).padStart(8, '0');
}
