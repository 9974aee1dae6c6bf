import type { CreateClient } from '../client.ts';
import { createClient as createHeyApiClient } from '../generated/hey-api/client/index.ts';
import { addLead, addLeads, cancelLead, leadStatus } from '../generated/hey-api/sdk.gen.ts';

/** A client by @hey-api/openapi-ts. */
export const createClient: CreateClient = (url, key) => {
  const client = createHeyApiClient({ baseUrl: url, auth: key });
  return {
    async add(lead) {
      const { data, error, response } = await addLead({ client, body: lead });
      return {
        outcome: response?.headers.get('Lead-Outcome') ?? null,
        leadId: response?.headers.get('Lead-Id') ?? null,
        saved: data?.saved,
        processed: data?.processed,
        error: data?.error,
        test: data?.test,
        invalidEmail: error && 'email' in error ? error.email?.[0] : undefined,
      };
    },
    async addMany(leads) {
      const { data } = await addLeads({ client, body: { leads } });
      if (data === undefined) return [];
      return data.results.map(({ ref, outcome, status, lead_id: leadId }) => ({
        ref,
        outcome,
        status,
        leadId,
      }));
    },
    async status(lead) {
      const { data } = await leadStatus({ client, body: lead });
      if (data?.state === undefined || data.lead_id === undefined) return undefined;
      return { state: data.state, leadId: data.lead_id };
    },
    async cancel(person) {
      const { data } = await cancelLead({ client, body: person });
      return data?.warning;
    },
  };
};
