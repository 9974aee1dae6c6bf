/** A trace of a lead continues at its dialler, with what explains delays and repeats. */
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Dialler } from '../../src/delivery/dialler.ts';
import { startTracing } from '../../src/telemetry/tracing.ts';
import { startCollector } from '../harness/collector.ts';
import { dispatch, untilAll, webhookTo } from '../harness/dispatch.ts';
import { startReceiver } from '../harness/receiver.ts';
import { openStore, seeded } from '../store/stores.ts';

const trace = { id: '0af7651916cd43dd8448eb211c80319c', span: 'b7ad6b7169203331' };

test('each attempt is a span of the trace of its lead, and the receiver gets that span', async () => {
  const collector = await startCollector();
  for (const [name, value] of Object.entries(collector.environment)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  const stopTracing = await startTracing(process.env);
  const { store, first, from } = await seeded(openStore());
  const content = JSON.stringify({ first_name: 'John' });
  await store.submit(from(first.id, { content, trace: `00-${trace.id}-${trace.span}-01` }));
  const receiver = await startReceiver();
  const statuses = [503, 204];
  receiver.behave = (_received, outgoing) => void outgoing.writeHead(statuses.shift() ?? 204).end();
  const dialler: Dialler = webhookTo(receiver.url);
  const dispatcher = dispatch(store, dialler);
  const [lead] = await untilAll(store, 'dialled');
  await dispatcher.stop();
  await stopTracing();
  const attempt = (number: number, outcome: string) => ({
    traceId: trace.id,
    parentSpanId: trace.span,
    name: 'deliver',
    attributes: [
      { key: 'leads.lead', value: { stringValue: lead?.id } },
      { key: 'leads.dialler', value: { stringValue: 'webhook' } },
      { key: 'leads.attempt', value: { intValue: number } },
      { key: 'leads.outcome', value: { stringValue: outcome } },
    ],
  });
  const spans = collector.spans();
  expect(spans).toMatchObject([attempt(1, 'unavailable'), attempt(2, 'delivered')]);
  expect(receiver.received.map(({ headers }) => headers['traceparent'])).toEqual(
    spans.map(({ spanId }) => `00-${trace.id}-${spanId}-01`),
  );
});
