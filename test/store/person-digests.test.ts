/** Digests that one process adds are recognised by others at once, although those made none before. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { StoreKeys } from '../../src/store/keys/store-keys.ts';
import { openStore } from '../../src/store/open.ts';
import { pruneAll } from '../../src/store/prune.ts';
import { deliverDue } from '../harness/server.ts';
import { operatorEntry } from '../harness/suppressions.ts';
import { seeded, sharedStores } from './stores.ts';

const keys = StoreKeys.parse(StoreKeys.generate(), 'test');

describe.each(sharedStores)('$name', ({ newUrl }) => {
  async function shared() {
    const url = await newUrl();
    const [server, command] = [await openStore(url), await openStore(url)];
    onTestFinished(async () => {
      await Promise.all([server.close(), command.close()]);
    });
    for (const store of [server, command]) store.useKeys(keys);
    return { command, ...(await seeded(server)) };
  }

  const erasureOf = (number: string) => ({
    digest: keys.current.personDigest(number),
    keyId: keys.current.id,
    erasedAt: Date.now(),
    evidenceReason: 'a test',
  });

  test('a server that adds leads refuses a person whom a command has erased and suppressed', async () => {
    const { store, command, first, from } = await shared();
    const numbers = Array.from({ length: 10 }, (_, index) => `+4478402588${10 + index}`);
    for (const number of numbers) {
      let isErased = false;
      const adding = (async () => {
        const afterwards = [];
        while (afterwards.length < 2) {
          const wasErased = isErased;
          const { outcome } = await store.submit(from(first.id, { mobile: number }));
          if (wasErased) afterwards.push(outcome);
        }
        return afterwards;
      })();
      await command.addSuppressions([operatorEntry(number)]);
      await command.erasePerson({ mobile: number, otherSubmissions: [] }, erasureOf(number), undefined);
      isErased = true;
      expect(await adding).toEqual(['do-not-call', 'do-not-call']);
      expect(await command.suppressionsOf(number)).toHaveLength(1);
      expect(await Array.fromAsync(store.leads({ mobile: number }, 1))).toEqual([]);
    }
  });

  test('a server that delivers leads recognises a digest that a command has just added', async () => {
    const { store, command, first, from } = await shared();
    const added = await store.submit(from(first.id));
    const leadId = added.outcome === 'accepted' ? added.leadId : '';
    const other = '+447840258824';
    expect(await store.suppressedNumbers([leadId], [other])).toEqual([]);
    await command.addSuppressions([operatorEntry(other)]);
    await command.erasePerson({ mobile: other, otherSubmissions: [] }, erasureOf(other), undefined);
    expect(await store.suppressedNumbers([leadId], [other])).toEqual([{ leadId, mobile: other }]);
  });

  test('while a command prunes delivered leads, no server accepts their people again', async () => {
    const { store, command, first, from } = await shared();
    const numbers = Array.from({ length: 100 }, (_, index) => `+4478402588${10 + index}`);
    await Promise.all(numbers.map((number) => store.submit(from(first.id, { mobile: number }))));
    await deliverDue(store);
    const outcomes = new Set<string>();
    const addAll = async () => {
      const sent = numbers.map((number) => store.submit(from(first.id, { mobile: number })));
      for (const { outcome } of await Promise.all(sent)) outcomes.add(outcome);
    };
    const adding = (async () => {
      for (let round = 0; round < 5; round += 1) await addAll();
    })();
    let contacts = 0;
    // A submission that was added at the moment refers to the lead, which is kept until the next time.
    while (contacts < numbers.length) contacts += (await pruneAll(command, Date.now() + 60_000)).contacts;
    await adding;
    await addAll();
    expect([...outcomes]).toEqual(['existing-contact']);
    expect(await store.submit(from(first.id, { mobile: '+447911123456' }))).toMatchObject({
      outcome: 'accepted',
    });
  });
});
