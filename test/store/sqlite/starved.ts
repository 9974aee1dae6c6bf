/**
 * Uses a store while the process has no free descriptor. `checkpoints.test.ts` runs it with a low limit and reads its
 * result as JSON.
 */

import { closeSync, openSync } from 'node:fs';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { newSubmission } from '../../harness/submissions.ts';
import { logResets } from './log-resets.ts';

const [file = '', order] = process.argv.slice(2);
const store = openSqliteStore(file);
await store.addType('motor', null);
const partner = await store.addPartner('one', ['motor']);
if (order === 'started') {
  await store.checkReady();
  // The thread has its connection once it has completed a task.
  await store.erase(1);
}
const held: number[] = [];
try {
  for (;;) held.push(openSync('/dev/null', 'r'));
} catch {
  // No descriptor is left.
}

let people = 0;
async function addSome(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    people += 1;
    const mobile = mobileOf(people);
    const lead = { partnerId: partner.id, type: 'motor', mobile, delays: 0, content: '{}' };
    await store.submit(newSubmission({ receivedAt: Date.now(), ...lead }));
  }
}

await addSome(200);
for (const descriptor of held.splice(0)) closeSync(descriptor);
const before = logResets(file);
while (logResets(file) < before + 2 && people < 20_000) await addSome(20);
process.stdout.write(JSON.stringify({ hasCheckpointed: logResets(file) >= before + 2 }));
await store.close();
