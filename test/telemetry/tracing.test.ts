/** One trace covers a lead from the request to the dialler, so that delays and repeats can be explained. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { post, send } from '../harness/client.ts';
import { startCollector } from '../harness/collector.ts';
import { requestValue } from '../harness/contract.ts';
import { secret } from '../harness/dispatch.ts';
import { startObservedServer } from '../harness/observed-server.ts';
import { startReceiver } from '../harness/receiver.ts';
import { temporaryDirectory } from '../harness/server.ts';

test('one trace covers the request, the commit and the delivery by another process', async () => {
  const collector = await startCollector();
  const dialler = await startReceiver();
  const DATABASE_URL = `sqlite:${join(temporaryDirectory(), 'leads.db')}`;
  const webhook = { DIALLER: 'webhook', DIALLER_URL: dialler.url, DIALLER_SECRET: secret };
  const { target } = await startObservedServer({ DATABASE_URL, DISPATCH: 'off', ...collector.environment });
  await startObservedServer({ DATABASE_URL, BOOTSTRAP: 'off', ...webhook, ...collector.environment });
  // Trace headers of clients are ignored.
  const foreign = 'f'.repeat(32);
  const response = await send(target, 'addLead', {
    body: requestValue('addLead', 'accepted'),
    headers: { traceparent: `00-${foreign}-${'f'.repeat(16)}-01` },
  });
  await expect.poll(() => collector.spans().length).toBe(3);

  const [request, commit, deliver] = ['POST /lead/add', 'commit', 'deliver'].map((name) =>
    collector.spans().find((span) => span.name === name),
  );
  expect(commit).toMatchObject({ traceId: request?.traceId, parentSpanId: request?.spanId });
  expect(deliver).toMatchObject({ traceId: request?.traceId, parentSpanId: request?.spanId });
  expect(request?.parentSpanId ?? '').toBe('');
  expect(request?.traceId).not.toBe(foreign);
  expect(request?.attributes).toContainEqual({
    key: 'leads.request_id',
    value: { stringValue: response.headers['request-id'] },
  });
  expect(deliver?.attributes).toContainEqual({
    key: 'leads.lead',
    value: { stringValue: response.headers['lead-id'] },
  });
  expect(dialler.received[0]?.headers['traceparent']).toBe(`00-${deliver?.traceId}-${deliver?.spanId}-01`);
}, 60_000);

test('sends no traceparent to the dialler unless tracing is configured', async () => {
  const dialler = await startReceiver();
  const { target } = await startObservedServer({
    DIALLER: 'webhook',
    DIALLER_URL: dialler.url,
    DIALLER_SECRET: secret,
  });
  await post(target, 'addLead', requestValue('addLead', 'accepted'));
  await expect.poll(() => dialler.received.length).toBe(1);
  expect(dialler.received[0]?.headers).not.toHaveProperty('traceparent');
});
