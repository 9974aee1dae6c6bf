/** The dialler of a deployment without a call centre. */
import { expect, test } from 'vitest';
import { createLogDialler } from '../../src/delivery/diallers/log.ts';
import { claimedLead, noContext } from './claimed-lead.ts';

test('delivers every lead, and states that nobody is called', async () => {
  const dialler = createLogDialler();
  expect(dialler.name).toBe('log');
  expect(await dialler.deliver(claimedLead(), AbortSignal.timeout(1_000), noContext)).toStrictEqual({
    outcome: 'delivered',
    response: 'logged; nobody is called (DIALLER=log)',
  });
});
