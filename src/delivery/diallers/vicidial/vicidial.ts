import { submittedFields } from '../../../leads/submitted-fields.ts';
import type { Dialler, DiallerContext } from '../../dialler.ts';
import { createPost } from '../http-client.ts';
import { VicidialApi } from './api.ts';
import { Attempt } from './attempt.ts';
import { SetUpCheck } from './check.ts';
import { CustomFieldChecks } from './custom-field-checks.ts';
import { leadForm } from './form.ts';
import { listFor, typesByList } from './lists.ts';
import { Lookup } from './lookup.ts';
import { storedForms } from './phone-numbers.ts';
import { RequestFailed } from './request-failed.ts';
import { RequestGate } from './request-gate.ts';
import { typePause } from './response.ts';
import { readVicidialSettings } from './settings.ts';
import { VicidialWithdrawal } from './withdrawal.ts';

/**
 * Maximum number of requests of a server at once. More are not faster, because each keeps a processor of VICIdial busy.
 */
const maxRequests = 3;

/**
 * Maximum number of requests of all servers at once. Ten failed logins, from anywhere, lock a VICIdial user, such as
 * when its password is changed.
 */
const maxRequestsOfAll = 9;

/**
 * Time after which a withdrawal is repeated (ms). VICIdial's hopper loader runs every minute, and may have read the
 * lead as `NEW` before the withdrawal, and put it into the hopper afterwards.
 */
const repeatWithdrawalAfter = 70_000;

/**
 * Creates a dialler that sends leads to VICIdial's non-agent API.
 *
 * @throws {ConfigError} if its variables are missing or invalid
 */
export function createVicidial(environment: NodeJS.ProcessEnv, context: DiallerContext): Dialler {
  const settings = readVicidialSettings(environment);
  const { parsePhone, concurrency } = context;
  const requests = Math.min(concurrency, maxRequests);
  const post = createPost({ ...context, concurrency: requests });
  const gate = new RequestGate(requests, maxRequestsOfAll);
  const api = new VicidialApi(settings, post, gate);
  const checks = new CustomFieldChecks();
  return {
    name: 'vicidial',
    requests: gate,
    // While some attempts are recorded, VICIdial already processes others.
    get maxConcurrency() {
      return 2 * gate.current;
    },
    maxRuntime: settings.maxRuntime,
    lists: typesByList(settings.lists),
    find: async ({ id, mobile }, signal) => {
      try {
        return { ids: await new Lookup(api, signal).leadsOf(storedForms(mobile), id) };
      } catch (error) {
        if (error instanceof RequestFailed) return { failure: error.result };
        throw error;
      }
    },
    cancel: (withdrawal, signal) =>
      new VicidialWithdrawal({ api, maxRuntime: settings.maxRuntime, withdrawal, signal }).run(),
    repeatWithdrawalAfter,
    check: (types, signal) => new SetUpCheck(api, { ...settings, requests: gate }, signal).run(types),
    async deliver(lead, signal, attemptContext) {
      const list = listFor(settings.lists, lead.type, submittedFields(lead.content).subtype);
      if (list === undefined) {
        const response = `DIALLER_LISTS has no list for lead type ${JSON.stringify(lead.type)}`;
        return { outcome: 'unavailable', response, pause: typePause(`${response}: add it`) };
      }
      const accepts = (field: string, value: string) => checks.accepts(list.list, field, value);
      const form = leadForm(lead, list, settings, { parsePhone, accepts });
      if (form === undefined) {
        const response = 'DIALLER_NUMBERS=national has no form for a number of another country';
        return { outcome: 'rejected', response };
      }
      return new Attempt({ api, checks, settings, lead, list, form, signal, context: attemptContext }).run();
    },
  };
}
