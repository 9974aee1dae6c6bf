/** Once an objection is acknowledged, no process starts an attempt to deliver the number. */
import { expect, onTestFinished, test } from 'vitest';
import { phoneParsers } from '../../src/leads/phone.ts';
import { recordObjection } from '../../src/store/objections.ts';
import { openStore } from '../../src/store/open.ts';
import { secret } from '../harness/dispatch.ts';
import { mobileOf } from '../harness/mobile.ts';
import { start, untilOutput } from '../harness/process.ts';
import { startReceiver } from '../harness/receiver.ts';
import { leadsIn } from '../harness/server.ts';
import { closeAfterTest, seeded, sharedStores } from '../store/stores.ts';

/** Number of people, each of whom objects while their lead is added, claimed or delivered. */
const people = 120;

const parsePhone = phoneParsers('GB').parse;
const cap = { max: people, since: 0 };

test.each(sharedStores)(
  '$name: objections in one process, claims and intake in another',
  async ({ newUrl }) => {
    const url = await newUrl();
    const { store, first, from } = await seeded(closeAfterTest(await openStore(url)));
    const acknowledged = new Map<string, number>();
    const late: string[] = [];
    const receiver = await startReceiver();
    receiver.behave = (received, outgoing) => {
      const { mobile, submitted } = JSON.parse(received.body).data;
      const numbers = [mobile, parsePhone(submitted.other_phone ?? '')];
      late.push(...numbers.filter((number) => acknowledged.has(number)));
      // Some attempts outlast the wait of an objection.
      setTimeout(() => outgoing.writeHead(204).end(), Math.random() < 0.1 ? 2_500 : Math.random() * 100);
    };
    const server = start('src/main.ts', [], {
      PORT: '0',
      DATABASE_URL: url,
      DIALLER: 'webhook',
      DIALLER_URL: receiver.url,
      DIALLER_SECRET: secret,
    });
    onTestFinished(() => void server.kill());
    await untilOutput(server, /listening/i);
    await Promise.all(
      Array.from({ length: people }, async (_, index) => {
        const mobile = mobileOf(2 * index);
        const other = mobileOf(2 * index + 1);
        const objecting = index % 3 === 0 ? other : mobile;
        await delay(Math.random() * 500);
        const content = JSON.stringify({ first_name: 'John', other_phone: other });
        const added = store.submit(from(first.id, { mobile, content }));
        if (index % 2 === 0) await added;
        await delay(Math.random() * 60);
        const sent = {
          partner: 'first',
          keyId: 'key',
          mobile: objecting,
          type: undefined,
          reason: undefined,
          receivedAt: 1,
        };
        await recordObjection(store, parsePhone, sent, cap);
        acknowledged.set(objecting, performance.now());
        await added;
      }),
    );
    // Every lead has ended, so that an attempt that starts late has arrived too.
    await expect
      .poll(async () => (await leadsIn(store)).filter(({ state }) => state === 'scheduled').length, {
        timeout: 25_000,
      })
      .toBe(0);
    expect(late).toEqual([]);
    expect(receiver.received.length).toBeGreaterThan(0);
    expect((await store.leadStats()).byState.suppressed).toBeGreaterThan(0);
  },
  60_000,
);

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
