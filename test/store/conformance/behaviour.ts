import { setImmediate as nextTick } from 'node:timers/promises';
import { expect, onTestFinished, vi } from 'vitest';
import type { Store } from '../../../src/store/store.ts';
import { type Table, tablesToCopy } from '../../../src/store/tables.ts';

/** Opens an empty store that is closed after the test. */
export type Open = () => Promise<Store>;

/** Tests of what every store does, by their names. */
export type Behaviours = Record<string, (open: Open) => Promise<void>>;

export const person = { type: 'motor', mobile: '+447840258823' };
export const hour = 3_600_000;

/** Returns a table of the store. */
export function tableNamed(name: string): Table {
  const table = tablesToCopy.find((each) => each.name === name);
  if (table === undefined) throw new Error(`There is no table ${name}.`);
  return table;
}

/** Makes one test of each value. @param name ends with the value */
export function forEach<Value>(
  values: readonly Value[],
  name: string,
  run: (open: Open, value: Value) => Promise<void>,
): Behaviours {
  return Object.fromEntries(values.map((value) => [`${name}: ${value}`, (open: Open) => run(open, value)]));
}

/** Sets the clock until the test ends, from the next tick of the event loop on. Timers are not affected. */
export async function setClock(now: number): Promise<void> {
  vi.useFakeTimers({ toFake: ['Date'], now });
  onTestFinished(() => void vi.useRealTimers());
  await nextTick();
}

/** Waits until the clock has moved on by more than a time (ms). */
export function waitLongerThan(milliseconds: number): Promise<void> {
  const start = Date.now();
  return vi.waitFor(() => expect(Date.now()).toBeGreaterThan(start + milliseconds), {
    interval: 2,
    timeout: milliseconds + 20_000,
  });
}
