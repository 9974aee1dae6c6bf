/** A lead is withdrawn from VICIdial only if nobody has called, and is never reported as withdrawn when it is not. */
import { describe, expect, test } from 'vitest';
import type { WithdrawalResult } from '../../../src/delivery/dialler.ts';
import type { ClaimedWithdrawal } from '../../../src/store/withdrawals.ts';
import type { Step } from '../../harness/vicidial.ts';
import { claimedLead, claimedWithdrawal, noContext } from '../claimed-lead.ts';
import { startVicidial } from './start.ts';

/** Starts VICIdial with John's lead in the hopper. Returns a function that withdraws the lead. */
async function startDelivered(settings: Record<string, string> = {}) {
  const started = await startVicidial(settings);
  const signal = () => AbortSignal.timeout(20_000);
  const { response } = await started.dialler.deliver(claimedLead(), signal(), noContext);
  const { vicidial, dialler } = started;
  vicidial.forms.length = 0;
  async function cancel(
    changes: Partial<ClaimedWithdrawal> = {},
    timeout?: number,
  ): Promise<WithdrawalResult> {
    const limit = timeout === undefined ? signal() : AbortSignal.timeout(timeout);
    const withdrawal = claimedWithdrawal({ deliveryResponse: response, ...changes });
    const result = await dialler.cancel?.(withdrawal, limit);
    if (result === undefined) throw new Error('VICIdial can withdraw leads.');
    return result;
  }
  const [lead] = vicidial.leads;
  if (lead === undefined) throw new Error('The lead was not added.');
  return { ...started, lead, cancel };
}

/** Adds a lead with John's number that is not from the server. */
async function addForeign({ vicidial }: Awaited<ReturnType<typeof startDelivered>>) {
  await vicidial.respond({
    user: 'leadsapi',
    pass: 'correct horse',
    function: 'add_lead',
    phone_number: '7840258823',
    list_id: '1002',
    vendor_lead_code: 'another',
    add_to_hopper: 'Y',
  });
}

describe('a lead that nobody has called', () => {
  test('gets the status CANCEL and leaves the hopper', async () => {
    const { vicidial, cancel } = await startDelivered();
    expect(await cancel()).toEqual({
      outcome: 'withdrawn',
      response: 'lead 1 of VICIdial: status CANCEL, not in the hopper',
    });
    expect(vicidial.leads).toMatchObject([{ status: 'CANCEL', calledCount: 0 }]);
    expect(vicidial.hopper).toEqual([]);
  });

  test('is withdrawn again without another effect', async () => {
    const { vicidial, cancel } = await startDelivered();
    await cancel();
    expect(await cancel()).toMatchObject({ outcome: 'withdrawn' });
    expect(vicidial.leads).toMatchObject([{ status: 'CANCEL' }]);
  });

  test('is withdrawn without its id there, and if it was not in the hopper', async () => {
    const { vicidial, cancel } = await startDelivered();
    vicidial.hopper.length = 0;
    expect(await cancel({ deliveryResponse: null })).toMatchObject({ outcome: 'withdrawn' });
    expect(vicidial.leads).toMatchObject([{ status: 'CANCEL' }]);
  });

  test('is found by its id if its number was corrected in VICIdial', async () => {
    const { lead, cancel } = await startDelivered();
    lead.columns['phone_number'] = '7840258824';
    expect(await cancel()).toMatchObject({ outcome: 'withdrawn' });
    expect(lead.status).toBe('CANCEL');
  });

  test('is found in the form that numbers had when it was delivered', async () => {
    const { vicidial, lead, cancel } = await startDelivered();
    lead.columns['phone_number'] = '447840258823';
    expect(await cancel({ deliveryResponse: null })).toMatchObject({ outcome: 'withdrawn' });
    expect(vicidial.leads).toMatchObject([{ status: 'CANCEL' }]);
  });

  test('is withdrawn from every row that VICIdial has of it, and no other', async () => {
    const started = await startDelivered();
    const { vicidial, lead, cancel } = started;
    await addForeign(started);
    vicidial.leads.push({ ...lead, id: 3 });
    vicidial.hopper.push({ leadId: 3, priority: '0', status: 'READY' });
    expect(await cancel()).toMatchObject({
      outcome: 'withdrawn',
      response: 'leads 1, 3 of VICIdial: status CANCEL, not in the hopper',
    });
    expect(vicidial.leads.map(({ id, status }) => [id, status])).toEqual([
      [1, 'CANCEL'],
      [2, 'NEW'],
      [3, 'CANCEL'],
    ]);
    expect(vicidial.hopper).toMatchObject([{ leadId: 2 }]);
  });

  test('is withdrawn with nine requests at most, which fit into two seconds', async () => {
    const { vicidial, cancel } = await startDelivered();
    const startedAt = performance.now();
    await cancel();
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(vicidial.forms.length).toBeLessThanOrEqual(9);
    const changing = vicidial.forms.filter((form) => form['function'] === 'update_lead');
    expect(changing).toMatchObject([
      { search_method: 'LEAD_ID', lead_id: '1', status: 'CANCEL', remove_from_hopper: 'Y' },
    ]);
  });
});

describe('a withdrawn lead that VICIdial’s loader has put into the hopper meanwhile', () => {
  test('is removed once more', async () => {
    const { vicidial, dialler, cancel } = await startDelivered();
    // The loader runs every minute.
    expect(dialler.repeatWithdrawalAfter).toBeGreaterThan(60_000);
    await cancel();
    vicidial.hopper.push({ leadId: 1, priority: '0', status: 'READY' });
    expect(await cancel({ isRepeat: true, dialledAt: null })).toMatchObject({ outcome: 'withdrawn' });
    expect(vicidial.hopper).toEqual([]);
  });

  test('and that a script has taken is reported as called', async () => {
    const { vicidial, cancel } = await startDelivered();
    await cancel();
    vicidial.hopper.push({ leadId: 1, priority: '0', status: 'INCALL' });
    expect(await cancel({ isRepeat: true, dialledAt: null })).toMatchObject({ outcome: 'too-late' });
  });
});

describe('a lead that somebody calls', () => {
  test.each([
    ['INCALL', 1],
    ['QUEUE', 0],
    ['SALE', 1],
    ['NA', 3],
    // VICIdial counts a call before the agent or the script sets another status.
    ['NEW', 1],
    ['CANCEL', 1],
  ])('with the status %s and %i calls is too late, and not changed', async (status, calledCount) => {
    const { vicidial, lead, cancel } = await startDelivered();
    Object.assign(lead, { status, calledCount });
    expect(await cancel()).toEqual({
      outcome: 'too-late',
      response: `lead 1 has the status ${status}, calls: ${calledCount}`,
    });
    expect(lead).toMatchObject({ status, calledCount });
    expect(vicidial.forms.map((form) => form['function'])).not.toContain('update_lead');
  });

  test('in one of its rows is too late, and no row is changed', async () => {
    const { vicidial, lead, cancel } = await startDelivered();
    vicidial.leads.push({ ...lead, id: 2, status: 'SALE', calledCount: 1 });
    expect(await cancel()).toMatchObject({
      outcome: 'too-late',
      response: expect.stringMatching(/^lead 2 /),
    });
    expect(vicidial.leads.map(({ status }) => status)).toEqual(['NEW', 'SALE']);
  });

  test.each(['QUEUE', 'INCALL'] as const)(
    'because a script takes it (%s) between the check and the update is too late',
    async (status) => {
      const { vicidial, cancel } = await startDelivered();
      vicidial.onStep = (step) => {
        for (const row of vicidial.hopper) if (step === 'removal') row.status = status;
      };
      expect(await cancel()).toMatchObject({ outcome: 'too-late' });
    },
  );

  test('because a script has called between the check and the update is too late', async () => {
    const { vicidial, lead, cancel } = await startDelivered();
    vicidial.onStep = (step) => {
      if (step !== 'removal') return;
      lead.calledCount = 1;
      vicidial.hopper.length = 0;
    };
    expect(await cancel()).toEqual({
      outcome: 'too-late',
      response: 'lead 1 is being called (status CANCEL, calls: 1)',
    });
  });

  test('because an agent takes it during the update is too late', async () => {
    const { vicidial, lead, cancel } = await startDelivered();
    vicidial.onStep = (step) => {
      if (step !== 'removal') return;
      vicidial.hopper.length = 0;
      lead.status = 'INCALL';
    };
    expect(await cancel()).toMatchObject({ outcome: 'too-late' });
  });
});

describe('after an objection', () => {
  test.each([
    ['NEW', 0],
    ['NA', 3],
    ['CALLBK', 1],
  ])('a lead with the status %s and %i calls is never called again', async (status, calledCount) => {
    const { vicidial, lead, cancel } = await startDelivered();
    Object.assign(lead, { status, calledCount });
    vicidial.callbacks.add(lead.id);
    expect(await cancel({ cause: 'objection' })).toEqual({
      outcome: 'withdrawn',
      response: 'lead 1 of VICIdial: status DNC, not in the hopper',
    });
    expect(lead).toMatchObject({ status: 'DNC', calledCount });
    expect([vicidial.hopper, [...vicidial.callbacks]]).toEqual([[], []]);
  });

  test.each([
    ['INCALL', 1],
    ['NEW', 1],
  ])(
    'a lead in a call (status %s) is withdrawn later, when the call has set its status',
    async (status, calls) => {
      const { lead, cancel } = await startDelivered();
      Object.assign(lead, { status, calledCount: calls });
      expect(await cancel({ cause: 'objection' })).toEqual({
        outcome: 'unavailable',
        response: `lead 1 is being called (status ${status}, calls: 1)`,
        isOfLead: true,
        retryAfter: 60_000,
      });
      expect(lead.status).toBe(status);
      lead.status = 'NA';
      expect(await cancel({ cause: 'objection' })).toMatchObject({ outcome: 'withdrawn' });
      expect(lead.status).toBe('DNC');
    },
  );
});

test('after an erasure, a lead that was called is removed too', async () => {
  const { lead, cancel } = await startDelivered();
  Object.assign(lead, { status: 'NA', calledCount: 2 });
  expect(await cancel({ cause: 'erasure' })).toMatchObject({ outcome: 'withdrawn' });
  expect(lead.status).toBe('CANCEL');
});

describe('a lead that VICIdial does not have', () => {
  test('is withdrawn if it was deleted there', async () => {
    const { vicidial, cancel } = await startDelivered();
    vicidial.leads.length = 0;
    expect(await cancel()).toEqual({ outcome: 'withdrawn', response: 'lead 1 was deleted in VICIdial' });
  });

  test('is withdrawn if no attempt to deliver it has arrived', async () => {
    const { vicidial, cancel } = await startDelivered();
    vicidial.leads.length = 0;
    expect(await cancel({ dialledAt: null, deliveryResponse: null, lastUnknownAt: 1 })).toEqual({
      outcome: 'withdrawn',
      response: 'VICIdial does not have the lead',
    });
  });

  test('is not withdrawn while an attempt to deliver it may still arrive', async () => {
    const { vicidial, cancel } = await startDelivered();
    vicidial.leads.length = 0;
    const result = await cancel({ dialledAt: null, deliveryResponse: null, lastUnknownAt: Date.now() });
    expect(result).toMatchObject({
      outcome: 'unavailable',
      response: 'VICIdial may still be adding the lead',
    });
    expect(result.retryAfter).toBeGreaterThan(590_000);
  });

  test.each([
    ['somebody has changed its vendor_lead_code', {}],
    ['an operator has found it there under another id', { deliveryResponse: null }],
  ])('is not reported as withdrawn if %s', async (_what, changes) => {
    const { lead, cancel } = await startDelivered();
    lead.columns['vendor_lead_code'] = 'another';
    expect(await cancel(changes)).toEqual({
      outcome: 'unavailable',
      isOfLead: true,
      needsOperator: true,
      response: 'VICIdial has no lead with this id and number: find the person there, and remove the lead',
    });
    expect(lead.status).toBe('NEW');
  });
});

describe('a request that fails', () => {
  test.each<[Step, withdrawn: WithdrawalResult['outcome']]>([
    ['row', 'unknown'],
    ['removal', 'unknown'],
  ])('before the step "%s" is unknown, and the next attempt withdraws the lead', async (step, outcome) => {
    const { vicidial, cancel } = await startDelivered();
    vicidial.killOnceAt(step);
    expect(await cancel()).toMatchObject({ outcome });
    expect(await cancel()).toMatchObject({ outcome: 'withdrawn' });
    expect(vicidial.leads).toMatchObject([{ status: 'CANCEL' }]);
    expect(vicidial.hopper).toEqual([]);
  });

  test('before the removal from the hopper, after its first lines were sent, is unknown', async () => {
    const { vicidial, cancel } = await startDelivered();
    vicidial.isUnbuffered = true;
    vicidial.killOnceAt('removal');
    expect(await cancel()).toEqual({
      outcome: 'unknown',
      response: 'lead 1: the response ended before the lead was removed from the hopper',
    });
    expect(vicidial.hopper).toHaveLength(1);
    expect(await cancel()).toMatchObject({ outcome: 'withdrawn' });
    expect(vicidial.hopper).toEqual([]);
  });

  test('because the table is locked is unknown', async () => {
    const { vicidial, cancel } = await startDelivered();
    const unlock = vicidial.lock();
    expect(await cancel({}, 300)).toEqual({ outcome: 'unknown', response: 'no response in time' });
    unlock();
    expect(await cancel()).toMatchObject({ outcome: 'withdrawn' });
  });

  test('before the update changes nothing', async () => {
    const { vicidial, receiver, cancel } = await startDelivered();
    receiver.behave = (_received, outgoing) => void outgoing.writeHead(500).end();
    expect(await cancel()).toEqual({
      outcome: 'unavailable',
      response: 'not sent: lead_search failed (HTTP 500)',
    });
    expect(vicidial.leads).toMatchObject([{ status: 'NEW' }]);
  });

  test.each(['lead_search', 'lead_field_info', 'update_lead'])(
    'because the user may not use %s pauses the leads of the type, with the reason',
    async (name) => {
      const { vicidial, cancel } = await startDelivered();
      vicidial.forbiddenFunctions.add(name);
      expect(await cancel()).toMatchObject({
        outcome: 'unavailable',
        pause: {
          isOfType: true,
          retryAfter: 60_000,
          reason: `auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION: correct the level, permissions and group of DIALLER_USER in VICIdial (${name})`,
        },
      });
      expect(vicidial.leads).toMatchObject([{ status: 'NEW' }]);
      vicidial.forbiddenFunctions.clear();
      expect(await cancel()).toMatchObject({ outcome: 'withdrawn' });
    },
  );

  test('because the password is wrong pauses all leads, and repeats neither it nor personal data', async () => {
    const { vicidial, cancel } = await startDelivered();
    vicidial.password = 'another';
    const result = await cancel();
    expect(result).toMatchObject({
      outcome: 'unavailable',
      pause: { reason: expect.stringMatching(/^Login incorrect/) },
    });
    expect(result.pause).not.toHaveProperty('isOfType');
    expect(JSON.stringify(result)).not.toMatch(/correct horse|7840258823/);
    expect(vicidial.failedLogins).toBe(1);
  });

  test('because the lead was moved to a list that the user may not change says which', async () => {
    const { vicidial, lead, cancel } = await startDelivered();
    lead.list = '1002';
    vicidial.forbiddenLists.add('1002');
    expect(await cancel()).toEqual({
      outcome: 'unavailable',
      isOfLead: true,
      response: 'lead 1: update_lead NOT AN ALLOWED LIST ID, RESULTS (list 1002)',
    });
  });
});
