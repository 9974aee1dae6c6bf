import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { resultUrls } from '../../src/app/result-urls.ts';

/** Secret that authenticates the reports. */
export const resultsSecret = `whsec_${Buffer.alloc(32, 'results').toString('base64')}`;

/** A request to RESULTS_PORT. */
interface Report {
  path: string;
  method: string;
  headers: Record<string, string>;
  body?: string;
}

const oddText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constantFrom(
    '',
    '\u0000',
    '\ud800',
    '__proto__',
    '--A--dispo--B--',
    '9'.repeat(400),
    "'; DROP TABLE lead; --",
  ),
);

const odd: fc.Arbitrary<unknown> = fc.oneof(
  oddText,
  fc.constantFrom(null, true, -1, 1e308, [], {}),
  fc.jsonValue(),
);

/** Bodies of the webhook, of which most are invalid. */
const webhookBody = fc.oneof(
  fc
    .record({ type: odd, timestamp: odd, data: odd, more: odd }, { requiredKeys: [] })
    .map((body) => JSON.stringify(body)),
  fc
    .record(
      { lead_id: oddText, call_id: oddText, code: oddText, called_at: odd, talk_time: odd },
      { requiredKeys: [] },
    )
    .map((data) => JSON.stringify({ type: 'lead.result', timestamp: '2026-11-20T09:00:00Z', data })),
  fc.constantFrom('', 'null', '[]', '{', '['.repeat(10_000), 'x'.repeat(16_385)),
);

const webhook: fc.Arbitrary<Report> = fc
  .record({ body: webhookBody, isSigned: fc.boolean(), signature: oddText })
  .map(({ body, isSigned, signature }) => {
    const at = new Date();
    return {
      path: '/results',
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'webhook-id': 'id',
        'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
        'webhook-signature': isSigned
          ? new Webhook(resultsSecret).sign('id', at, body)
          : signature.replace(/[^ -~]/g, '?'),
      },
      body,
    };
  });

/** The URL of a list, in which the placeholders are replaced. */
const urlOfList = resultUrls('', resultsSecret, { list: '999', types: ['motor-trade'] }).dispoCallUrl.slice(
  3,
);

const vicidial: fc.Arbitrary<Report> = fc
  .record({
    values: fc.array(oddText, { minLength: 4, maxLength: 4 }),
    extra: oddText,
    isKnown: fc.boolean(),
  })
  .map(({ values, extra, isKnown }) => {
    const next = values.values();
    const filled = urlOfList.replace(/--A--\w+--B--/g, () => encoded(next.next().value ?? ''));
    const path = isKnown ? filled : filled.replace(/secret=[^&]*/, `secret=${encoded(extra)}`);
    return { path: `${path}&${encoded(extra)}=1`, method: 'GET', headers: {} };
  });

const elsewhere: fc.Arbitrary<Report> = fc
  .record({
    path: fc.constantFrom('/', '/results/', '/vicidial?', '/lead/add', '/%zz', '//results'),
    method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'),
  })
  .map((made) => ({ ...made, headers: {} }));

function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/**
 * Sends reports of every kind to RESULTS_PORT.
 *
 * @returns faults: a 5xx, a response that is not JSON, or none
 */
export async function fuzzReports(url: string, count: number, seed: number): Promise<string[]> {
  const faults: string[] = [];
  for (const report of fc.sample(fc.oneof(webhook, vicidial, elsewhere), { numRuns: count, seed })) {
    const { path, ...request } = report;
    try {
      const response = await fetch(url + path, request);
      const body = Object(await response.json());
      if (response.status >= 500 || !('outcome' in body || 'error' in body)) {
        faults.push(`The response was ${response.status} ${JSON.stringify(body)}\n${JSON.stringify(report)}`);
      }
    } catch (error) {
      faults.push(`${error}\n${JSON.stringify(report)}`);
    }
  }
  return faults;
}
