import type { DeliveryResult, Dialler, DiallerContext } from '../../dialler.ts';
import {
  createPost,
  type DiallerResponse,
  discardBody,
  parseRetryAfter,
  readText,
  resultOfError,
  resultOfRedirect,
} from '../http-client.ts';
import { leadForm } from './form.ts';
import { resultOf } from './response.ts';
import { readVicidialSettings } from './settings.ts';

/** Maximum number of leads in flight. Ten failed logins lock a VICIdial user, such as when its password is changed. */
const maxConcurrency = 8;

const form = { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' };

/**
 * Creates a dialler that sends leads to VICIdial with add_lead of its non-agent API.
 *
 * @throws {ConfigError} if its variables are missing or invalid
 */
export function createVicidial(environment: NodeJS.ProcessEnv, context: DiallerContext): Dialler {
  const settings = readVicidialSettings(environment);
  const { url, user, password, lists } = settings;
  const post = createPost({ ...context, concurrency: Math.min(context.concurrency, maxConcurrency) });
  return {
    name: 'vicidial',
    maxConcurrency,
    async deliver(lead, signal): Promise<DeliveryResult> {
      const list = lists.get(lead.type);
      if (list === undefined) {
        return {
          outcome: 'rejected',
          response: `DIALLER_LISTS has no list for lead type ${JSON.stringify(lead.type)}`,
        };
      }
      const { fields, hasTruncatedComments } = leadForm(lead, list, settings, context.parsePhone);
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
      if (result.outcome !== 'delivered' || !hasTruncatedComments) return result;
      return { ...result, response: `${result.response}; truncated: comments`, incomplete: true };
    },
  };
}

async function resultOfResponse(response: DiallerResponse, mayHaveArrived: boolean): Promise<DeliveryResult> {
  const { statusCode: status } = response;
  if (status !== 200) return { ...resultOfStatus(response), connectionReleased: discardBody(response) };
  try {
    return resultOf(await readText(response), mayHaveArrived);
  } catch (error) {
    // An incomplete response proves nothing. The lead was sent.
    return resultOfError(error);
  }
}

/**
 * Returns the result of a status other than 200. It comes from a proxy or an interrupted script, because VICIdial
 * itself always responds 200.
 */
function resultOfStatus(response: DiallerResponse): DeliveryResult {
  const { statusCode: status } = response;
  if (status >= 300 && status < 400) return resultOfRedirect(status);
  const retryAfter = parseRetryAfter(response);
  const isRefused = (status >= 400 && status < 500) || status === 503;
  const result = { outcome: isRefused ? 'unavailable' : 'unknown', response: `HTTP ${status}` } as const;
  return retryAfter === undefined ? result : { ...result, retryAfter };
}
