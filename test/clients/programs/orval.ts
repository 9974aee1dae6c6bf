import type { ZodType } from 'zod';
import type { CreateClient } from '../client.ts';
import {
  addLeadBody,
  addLeadResponse,
  addLeadsBody,
  addLeadsResponse,
  cancelLeadBody,
  cancelLeadResponse,
  leadStatusBody,
  leadStatusResponse,
} from '../generated/zod.ts';

/** A client that validates requests and responses with the schemas by orval. */
export const createClient: CreateClient = (url, key) => {
  async function post<Body>(path: string, schema: ZodType, body: unknown, response: ZodType<Body>) {
    const received = await fetch(url + path, {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(schema.parse(body)),
    });
    return { headers: received.headers, data: response.parse(await received.json()) };
  }
  return {
    async add(lead) {
      const { headers, data } = await post('/lead/add', addLeadBody, lead, addLeadResponse);
      return {
        outcome: headers.get('Lead-Outcome'),
        leadId: headers.get('Lead-Id'),
        saved: 'saved' in data ? data.saved : undefined,
        processed: 'processed' in data ? data.processed : undefined,
        error: 'error' in data ? data.error : undefined,
        test: 'test' in data ? data.test : undefined,
        invalidEmail: undefined,
      };
    },
    async addMany(leads) {
      const { data } = await post('/lead/add-many', addLeadsBody, { leads }, addLeadsResponse);
      return data.results.map(({ ref, outcome, status, lead_id: leadId }) => ({
        ref,
        outcome,
        status,
        leadId,
      }));
    },
    async status(lead) {
      const { data } = await post('/lead/status', leadStatusBody, lead, leadStatusResponse);
      return 'state' in data ? { state: data.state, leadId: data.lead_id } : undefined;
    },
    async cancel(person) {
      const { data } = await post('/lead/cancel', cancelLeadBody, person, cancelLeadResponse);
      return 'warning' in data ? data.warning : undefined;
    },
  };
};
