/** Erasing a person while other processes accept and deliver the person's leads. */
import { describe, expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { claim } from '../harness/server.ts';
import { closeAfterTest, seeded, sharedStores } from './stores.ts';

const mobile = '+447840258823';
const person = { mobile, otherSubmissions: [] };
const rounds = 40;

/** Repeats work until `isEnded` returns true. */
async function repeat(isEnded: () => boolean, work: () => Promise<void>): Promise<void> {
  while (!isEnded()) {
    await work();
    await new Promise(setImmediate);
  }
}

/** Claims a lead of the person, and delivers it while no other process may erase it. Returns its id. */
async function deliverOne(store: Store, number: number): Promise<string | undefined> {
  const name = `claim-${number}`;
  const [lead] = await claim(store, name);
  if (lead === undefined) return undefined;
  await new Promise((resolve) => setTimeout(resolve, 2));
  expect(await store.renewLease(name, [lead.id], 60_000)).toEqual([lead.id]);
  const attempt = { leadId: lead.id, startedAt: number, endedAt: number, response: '' } as const;
  await store.recordAttempt(name, { ...attempt, outcome: 'rejected' }, undefined);
  return lead.id;
}

describe.each(sharedStores)('$name', ({ newUrl }) => {
  test('no lead is erased during an attempt, and what is accepted is stored completely or erased completely', async () => {
    const url = await newUrl();
    const { store: intake, first, from } = await seeded(openStore(url));
    const [delivery, operator] = [await openStore(url), await openStore(url)].map(closeAfterTest) as [
      Store,
      Store,
    ];
    closeAfterTest(intake);
    const accepted: string[] = [];
    let erased = 0;
    let isEnded = false;
    const adding = repeat(
      () => isEnded,
      async () => {
        const added = await intake.submit(from(first.id));
        if (added.outcome === 'accepted') accepted.push(added.leadId);
      },
    );
    let attempts = 0;
    const delivering = repeat(
      () => isEnded,
      async () => {
        attempts += 1;
        await deliverOne(delivery, attempts);
      },
    );
    for (let round = 0; round < rounds; ) {
      const erasure = { digest: 'digest', keyId: 'key', erasedAt: round, evidenceReason: 'a test' };
      const { inFlight, erased: rows } = await operator.erasePerson(person, erasure, undefined);
      if (inFlight.length > 0) continue;
      round += 1;
      erased += rows['lead'] ?? 0;
    }
    isEnded = true;
    await Promise.all([adding, delivering]);

    const leads = await Array.fromAsync(operator.leads({ mobile }, 100_000));
    const submissions = new Map<string, string | null>();
    for await (const { id, leadId } of operator.exportSubmissions({})) submissions.set(id, leadId);
    expect(erased).toBeGreaterThan(0);
    expect(leads.length + erased).toBe(accepted.length);
    // Every lead has its submission, and no submission refers to a lead that was erased.
    for (const { id, submissionId } of leads) expect(submissions.get(submissionId)).toBe(id);
    const ids = new Set(leads.map(({ id }) => id));
    expect([...submissions.values()].filter((id) => id !== null && !ids.has(id))).toEqual([]);
  }, 60_000);
});
