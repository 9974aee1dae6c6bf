import type { ReadPhone } from '../../leads/phone.ts';
import type { Dialler, HandOverResult } from '../dialler.ts';
import { type DiallerResponse, failureOf, post, retryAfterOf, textOf } from '../post.ts';
import { resultOf } from './answer.ts';
import { leadForm } from './form.ts';
import { readVicidialSettings } from './settings.ts';

/** Ten failed logins lock a user of VICIdial: so many may be under way when its password is changed. */
const mostAtOnce = 8;

const form = { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' };

/** Hands leads to VICIdial, by add_lead of its non-agent API. */
export function createVicidial(environment: NodeJS.ProcessEnv, readPhone: ReadPhone): Dialler {
  const settings = readVicidialSettings(environment);
  const { url, user, password, lists } = settings;
  return {
    name: 'vicidial',
    mostAtOnce,
    async handOver(lead, signal): Promise<HandOverResult> {
      const list = lists.get(lead.type);
      if (list === undefined) {
        return {
          outcome: 'refused',
          answer: `DIALLER_LISTS has no list for the type ${JSON.stringify(lead.type)}`,
        };
      }
      const { fields, cutShort } = leadForm(lead, list, settings, readPhone);
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
      if (result.outcome !== 'taken' || cutShort.length === 0) return result;
      const answer = `${result.answer}; cut short: ${cutShort.join(', ')}`;
      return { ...result, answer, incomplete: true };
    },
  };
}

async function resultOfResponse(response: DiallerResponse, mayHaveArrived: boolean): Promise<HandOverResult> {
  const { statusCode: status } = response;
  if (status !== 200) {
    // The status says it all, and what follows it is not waited for: it may as well break off.
    textOf(response).catch(() => {});
    const retryAfter = retryAfterOf(response);
    const outcome = status < 500 || status === 503 ? 'unavailable' : 'unknown';
    return { outcome, answer: `HTTP ${status}`, ...(retryAfter === undefined ? {} : { retryAfter }) };
  }
  try {
    return resultOf(await textOf(response), mayHaveArrived);
  } catch (error) {
    // It was cut off half-way: what came before may have been half the truth. It was sent, in any case.
    return { ...failureOf(error), outcome: 'unknown' };
  }
}
