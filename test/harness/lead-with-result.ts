import { post } from './client.ts';
import { requestValue } from './contract.ts';
import { deliverDue, leadsIn, type TestServer } from './server.ts';

/** Adds a lead and delivers it. Its call has a result. */
export async function addLeadWithResult(server: TestServer): Promise<void> {
  const { store } = server;
  await post(server, 'addLead', requestValue('addLead', 'accepted'));
  await deliverDue(store);
  const [lead] = await leadsIn(store);
  await store.recordCallResult({
    leadId: lead?.id ?? '',
    callId: '1',
    code: 'NI',
    result: 'not-interested',
    calledAt: Date.parse('2026-11-23T09:14:31.000Z'),
    talkTime: null,
    receivedAt: Date.now(),
    dialler: 'vicidial',
    types: undefined,
  });
}
