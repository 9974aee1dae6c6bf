import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from './action.ts';
import { counted } from './counted.ts';

/** Time within which every server knows changed lists and lead types (ms), with a margin. */
const delay = 1_500;

/** Makes leads that wait for a registry or a screening due, once every server knows what was changed. */
export async function reconsiderScreened({
  store,
  note,
}: Pick<Session<string>, 'store' | 'note'>): Promise<void> {
  const { notPermitted } = await store.leadStats();
  if (!notPermitted.some(({ waitsFor }) => waitsFor === 'registry' || waitsFor === 'screening')) return;
  await sleep(delay);
  let reconsidered = 0;
  for (;;) {
    const step = await store.reconsiderScreened(Date.now());
    if (step === 0) break;
    reconsidered += step;
  }
  if (reconsidered > 0)
    note(`${counted(reconsidered, 'waiting lead is', 'waiting leads are')} checked again.`);
}
