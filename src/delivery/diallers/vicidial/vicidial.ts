import type { DeliveryResult, Dialler, DiallerContext } from '../../dialler.ts';
import {
  type DiallerResponse,
  discarded,
  failureOf,
  poster,
  redirected,
  retryAfterOf,
  textOf,
} from '../http-post.ts';
import { leadForm } from './form.ts';
import { resultOf } from './response.ts';
import { readVicidialSettings } from './settings.ts';

/** Ten failed logins lock a user of VICIdial: so many may be under way when its password is changed. */
const maxBurst = 8;

const form = { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' };

/** Hands leads to VICIdial, by add_lead of its non-agent API. */
export function createVicidial(environment: NodeJS.ProcessEnv, context: DiallerContext): Dialler {
  const settings = readVicidialSettings(environment);
  const { url, user, password, lists } = settings;
  const post = poster({ ...context, concurrency: Math.min(context.concurrency, maxBurst) });
  return {
    name: 'vicidial',
    maxBurst,
    async deliver(lead, signal): Promise<DeliveryResult> {
      const list = lists.get(lead.type);
      if (list === undefined) {
        return {
          outcome: 'rejected',
          response: `DIALLER_LISTS has no list for the type ${JSON.stringify(lead.type)}`,
        };
      }
      const { fields, incompleteRequest } = leadForm(lead, list, settings, context.parsePhone);
      const body = new URLSearchParams({
        source: 'leadsapi',
        user,
        pass: password,
        function: 'add_lead',
        ...fields,
      });
      const posted = await post(url, { headers: form, body: body.toString(), signal });
      if ('failure' in posted) return posted.failure;
      const result = await resultOfResponse(posted.response, lead.mayHaveArrived);
      if (result.outcome !== 'delivered' || incompleteRequest.length === 0) return result;
      const response = `${result.response}; cut short: ${incompleteRequest.join(', ')}`;
      return { ...result, response, incomplete: true };
    },
  };
}

async function resultOfResponse(response: DiallerResponse, mayHaveArrived: boolean): Promise<DeliveryResult> {
  const { statusCode: status } = response;
  if (status !== 200) return { ...resultOfStatus(response), finished: discarded(response) };
  try {
    return resultOf(await textOf(response), mayHaveArrived);
  } catch (error) {
    // It was cut off half-way: what came before may have been half the truth. It was sent, in any case.
    return { ...failureOf(error), outcome: 'unknown' };
  }
}

/** VICIdial responds 200 to every request. Another status comes from a proxy, or from a script that was interrupted. */
function resultOfStatus(response: DiallerResponse): DeliveryResult {
  const { statusCode: status } = response;
  if (status >= 300 && status < 400) return redirected(status);
  const retryAfter = retryAfterOf(response);
  const isRefused = (status >= 400 && status < 500) || status === 503;
  const result = { outcome: isRefused ? 'unavailable' : 'unknown', response: `HTTP ${status}` } as const;
  return retryAfter === undefined ? result : { ...result, retryAfter };
}
