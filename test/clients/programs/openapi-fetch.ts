import createOpenapiClient from 'openapi-fetch';
import type { CreateClient } from '../client.ts';
import type { paths } from '../generated/openapi-fetch.ts';

/** A client by openapi-typescript and openapi-fetch. */
export const createClient: CreateClient = (url, key) => {
  const client = createOpenapiClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${key}` } });
  return {
    async add(lead) {
      const { data, error, response } = await client.POST('/lead/add', { body: lead });
      return {
        outcome: response.headers.get('Lead-Outcome'),
        leadId: response.headers.get('Lead-Id'),
        saved: data?.saved,
        processed: data?.processed,
        error: data?.error,
        test: data?.test,
        invalidEmail: error && 'email' in error ? error.email?.[0] : undefined,
      };
    },
    async addMany(leads) {
      const { data } = await client.POST('/lead/add-many', { body: { leads } });
      if (data === undefined) return [];
      return data.results.map(({ ref, outcome, status, lead_id: leadId }) => ({
        ref,
        outcome,
        status,
        leadId,
      }));
    },
    async status(lead) {
      const { data } = await client.POST('/lead/status', { body: lead });
      if (data?.state === undefined || data.lead_id === undefined) return undefined;
      return { state: data.state, leadId: data.lead_id };
    },
    async cancel(person) {
      const { data } = await client.POST('/lead/cancel', { body: person });
      return data?.warning;
    },
  };
};

/**
 * Invalid calls do not compile. The compiler is the test: each `@ts-expect-error` states an error that it must find,
 * and it reports one that does not occur. They suppress nothing in the client itself.
 */
export function invalidCalls(client: ReturnType<typeof createOpenapiClient<paths>>): unknown {
  const lead = { email: 'a@b.c', first_name: 'a', surname: 'b', mobile: '07840258823', type: 'motor' };
  return [
    // @ts-expect-error A value that is neither true nor "true".
    client.POST('/lead/add', { body: { ...lead, test: 'banana' } }),
    // @ts-expect-error Neither an id, nor a phone number and a type.
    client.POST('/lead/status', { body: {} }),
  ];
}
