/** What every call of a random sequence consists of. */
import fc from 'fast-check';
import type { Subject } from './subject.ts';

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

/** A call, or several at once, after some time (ms). */
export interface Call {
  wait: number;
  run(subject: Subject): Promise<unknown>;
  toString(): string;
}

/** Re-contact period of the type `home` (ms). */
export const recontactAfter = hour;

// Few of each, so that calls collide. The first two types and partners exist from the start; `nothing` never does.
export const type = fc.constantFrom(
  'motor',
  'motor',
  'motor',
  'motor',
  'home',
  'home',
  'home',
  'pet',
  'nothing',
);
export const partner = fc.constantFrom('first', 'first', 'first', 'second', 'third');
export const mobile = fc.constantFrom('+447840258823', '+447840258824');
export const limit = fc.constantFrom(1, 2, 1000);
export const index = fc.constantFrom(0, 0, 0, 1, 1, 2, 5);
export const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });

/** Defines a call. @param model arbitraries of its arguments */
export function call<Arguments>(
  name: string,
  model: { [Name in keyof Arguments]: fc.Arbitrary<Arguments[Name]> },
  run: (subject: Subject, given: Arguments) => Promise<unknown>,
): fc.Arbitrary<Omit<Call, 'wait'>> {
  return fc.record<Arguments>(model).map((given) => ({
    run: (subject) => run(subject, given),
    toString: () => `${name} ${JSON.stringify(given)}`,
  }));
}

/** Result of a call for which nothing exists yet. */
export const nothing = () => Promise.resolve('nothing to call');

/** Returns an entry of a list, counted from its end, so that later ones are more frequent. */
export function at<Value>(values: readonly Value[], fromEnd: number): Value | undefined {
  return values.at(-1 - (fromEnd % Math.max(1, values.length)));
}

/** Returns a call after some time (ms). */
export function after(milliseconds: number, made: Omit<Call, 'wait'>): Call {
  const text = milliseconds === 0 ? '' : `after ${milliseconds} ms: `;
  return { wait: milliseconds, run: made.run, toString: () => `${text}${made}` };
}
