/**
 * Factor that scatters consecutive numbers over all eight-digit numbers, like people's phone numbers. It has no factor
 * in common with a power of ten, so no number occurs twice.
 */
export const stride = 61_803_399;

/** Returns the last eight digits of the phone number of the n-th person. */
export function scatteredDigits(n: number): string {
  return String((n * stride) % 100_000_000).padStart(8, '0');
}
