/** Rules that the dispatcher relies on, for every dialler. */
import { describe, expect, test } from 'vitest';
import { diallers } from '../../src/delivery/diallers.ts';
import { phoneParsers } from '../../src/leads/phone.ts';
import { exampleEnvironment } from '../harness/diallers.ts';
import { type Behaviour, startReceiver } from '../harness/receiver.ts';
import { claimedLead, noContext } from './claimed-lead.ts';

const values = { secret: Buffer.alloc(32, 'marked!').toString('base64'), password: 'markedpassword' };

const lead = claimedLead(
  {
    email: 'marked@marked.example',
    first_name: 'Markedforename',
    surname: 'Markedsurname',
    mobile: '07840 191919',
    type: 'motor-trade',
  },
  { type: 'motor-trade', mobile: '+447840191919' },
);

/** Personal data and secrets, in every form in which a receiver could repeat them. */
const marked = new RegExp(`marked|7840 ?191919|${values.secret.slice(0, 20)}`, 'i');

/** Responds with a status, and repeats everything that was received. */
function repeatWith(status: number, headers: Record<string, string> = {}): Behaviour {
  return (received, outgoing) => void outgoing.writeHead(status, headers).end(JSON.stringify(received));
}

const behaviours: [what: string, behave: Behaviour][] = [
  ['200', repeatWith(200)],
  ['204', (_received, outgoing) => void outgoing.writeHead(204).end()],
  ['301', repeatWith(301, { Location: 'https://marked.example/' })],
  ['400', repeatWith(400)],
  ['401', repeatWith(401)],
  ['410', repeatWith(410)],
  ['429', repeatWith(429, { 'Retry-After': '99999999' })],
  ['500', repeatWith(500)],
  ['503', repeatWith(503, { 'Retry-After': 'marked' })],
  ['a closed connection', (_received, outgoing) => void outgoing.destroy()],
  ['garbage', (_received, outgoing) => void outgoing.socket?.end('marked\r\n\r\n')],
];

describe.each(Object.keys(diallers))('the dialler %s', (name) => {
  const environmentFor = (url: string) => exampleEnvironment(name, { ...values, url });
  const sendsRequests = 'DIALLER_URL' in environmentFor('');

  async function create(url: string) {
    const createDialler = await diallers[name]?.load();
    const context = { parsePhone: phoneParsers('GB').parse, concurrency: 2, timeout: 5_000 };
    const dialler = createDialler?.(environmentFor(url), context);
    if (dialler === undefined) throw new Error(`There is no dialler ${name}.`);
    return dialler;
  }

  test('has the name that selects it', async () => {
    expect((await create('http://127.0.0.1:9/')).name).toBe(name);
  });

  test.each(behaviours)(
    'returns a valid result without personal data or secrets after %s',
    async (_what, behave) => {
      const receiver = await startReceiver(behave);
      const dialler = await create(receiver.url);
      const { connectionReleased, ...result } = await dialler.deliver(
        lead,
        AbortSignal.timeout(5_000),
        noContext,
      );
      expect(['delivered', 'rejected', 'unavailable', 'unknown']).toContain(result.outcome);
      expect(result.response).not.toBe('');
      expect(JSON.stringify(result)).not.toMatch(marked);
      const { retryAfter = 0 } = result;
      expect(retryAfter >= 0 && retryAfter <= 3_600_000).toBe(true);
      await connectionReleased;
    },
  );

  test('sends the id of the lead with each attempt, so that a repeat can be recognised', async () => {
    const receiver = await startReceiver();
    const dialler = await create(receiver.url);
    for (let attempt = 0; attempt < 2; attempt += 1)
      await dialler.deliver(lead, AbortSignal.timeout(5_000), noContext);
    expect(receiver.received).toHaveLength(sendsRequests ? 2 : 0);
    for (const received of receiver.received) expect(JSON.stringify(received)).toContain(lead.id);
  });

  test('reports a receiver that cannot be reached as unavailable', async () => {
    const receiver = await startReceiver();
    await receiver.close();
    const { outcome } = await (await create(receiver.url)).deliver(
      lead,
      AbortSignal.timeout(5_000),
      noContext,
    );
    expect(outcome).toBe(sendsRequests ? 'unavailable' : 'delivered');
  });

  test('ends an attempt when it is aborted; if the lead was sent, the outcome is unknown', async () => {
    const arrived = Promise.withResolvers<void>();
    const receiver = await startReceiver(() => arrived.resolve());
    const controller = new AbortController();
    const attempt = (await create(receiver.url)).deliver(lead, controller.signal, noContext);
    if (sendsRequests) await arrived.promise;
    controller.abort(new DOMException('no response in time', 'TimeoutError'));
    const { outcome, connectionReleased } = await attempt;
    expect(outcome).toBe(sendsRequests ? 'unknown' : 'delivered');
    await connectionReleased;
  });
});
