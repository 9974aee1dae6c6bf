import type { ParsePhone } from '../leads/phone.ts';
import { otherNumberOf } from '../leads/submitted-fields.ts';
import type { DueLead } from '../store/delivery.ts';
import type { RefusedNumber, ScreeningResult, Screenings } from '../store/screenings.ts';
import { formatTime } from '../text/time.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { type DeliveryRule, type Permission, withoutOther } from './permission.ts';
import { type ScreeningService, screeningTimeout } from './screening.ts';
import type { ScreeningByType } from './screening-by-type.ts';

/** Time after which a lead is decided on again that only a server with a service can deliver (ms). */
const retryDelay = 60_000;

/** Delay after the service responded without a number that it was asked for (ms). */
const incompleteDelay = 10_000;

/** Delays between requests to a service that is unavailable (ms). */
const delays = { initial: 1_000, max: 60_000 };

/** Observes requests to the service, for metrics. */
export type OnScreening = (request: { service: string; outcome: 'screened' | 'unavailable' }) => void;

/** What the rule needs. */
interface ScreeningRuleContext {
  store: Pick<Screenings, 'screenings' | 'saveScreenings' | 'recordRefusedNumbers'>;
  screening: ScreeningByType;
  /** Undefined: none is configured. */
  service: ScreeningService | undefined;
  parsePhone: ParsePhone;
  onScreening: OnScreening;
}

/**
 * Asks the screening service about the numbers of a claim that it has not reported on, or whose results have expired.
 * Nothing is delivered to a listed number, and nothing while the service is unavailable.
 */
export class ScreeningRule implements DeliveryRule {
  readonly needsClaim = true;
  readonly #context: ScreeningRuleContext;
  /** One request at a time until the first success, and after each failure, so that a failing service is not flooded. */
  readonly #circuit = new CircuitBreaker(delays);
  #problem: string | undefined;

  constructor(context: ScreeningRuleContext) {
    this.#context = context;
  }

  /** Why leads wait for the service: a sentence without personal data. Undefined: none does. */
  get problem(): string | undefined {
    return this.#problem;
  }

  async decide<Lead extends DueLead>(leads: readonly Lead[], now: number): Promise<Permission<Lead>[]> {
    const { types } = await this.#context.screening.current();
    const { service } = this.#context;
    const modeOf = (lead: Lead) => types.get(lead.type)?.screening ?? 'auto';
    const isScreened = (lead: Lead) =>
      service === undefined ? modeOf(lead) === 'on' : modeOf(lead) !== 'off';
    const screened = leads.filter(isScreened);
    if (screened.length === 0) return leads.map((lead) => ({ outcome: 'deliver', lead }));
    if (service === undefined) {
      return leads.map((lead) =>
        isScreened(lead) ? waiting(lead, noService, now + retryDelay, true) : { outcome: 'deliver', lead },
      );
    }
    const results = await this.#screen(
      service,
      numbersOf(screened, (lead) => this.#otherNumber(lead)),
      now,
    );
    const refused: RefusedNumber[] = [];
    const permissions = leads.map((lead) =>
      isScreened(lead)
        ? this.#decideOn(lead, service, results, refused, now)
        : ({ outcome: 'deliver', lead } as const),
    );
    if (refused.length > 0) await this.#context.store.recordRefusedNumbers(refused);
    return permissions;
  }

  #decideOn<Lead extends DueLead>(
    lead: Lead,
    { name }: ScreeningService,
    results: ReadonlyMap<string, ScreeningResult>,
    refused: RefusedNumber[],
    now: number,
  ): Permission<Lead> {
    const own = results.get(lead.mobile);
    if (own?.isListed) {
      refused.push(refusal(lead.id, own, name, 'suppressed', now));
      return { outcome: 'suppressed', lead, reason: listed };
    }
    const otherNumber = this.#otherNumber(lead);
    const other = otherNumber === undefined ? undefined : results.get(otherNumber);
    if (own === undefined || (otherNumber !== undefined && other === undefined)) {
      const delay = this.#circuit.isDown ? this.#circuit.remainingDelay() : incompleteDelay;
      const until = Math.ceil(Date.now() + delay);
      // A service that reports on other numbers is available.
      return waiting(lead, this.#problem ?? incomplete, until, this.#circuit.isDown);
    }
    const basis = { screening: { [name]: formatTime(own.checkedAt) } };
    if (!other?.isListed) return { outcome: 'deliver', lead, basis };
    refused.push(refusal(lead.id, other, name, 'other-phone-left-out', now));
    return withoutOther(lead, otherListed, basis);
  }

  /** Returns valid results by number, as far as they are known or the service reports them. */
  async #screen(
    service: ScreeningService,
    numbers: readonly string[],
    now: number,
  ): Promise<ReadonlyMap<string, ScreeningResult>> {
    const { store, onScreening } = this.#context;
    const known = await store.screenings(service.name, numbers, now);
    const results = new Map(known.map((result) => [result.mobile, result]));
    const unknown = numbers.filter((number) => !results.has(number));
    if (unknown.length === 0 || this.#circuit.remainingDelay() > 0) return results;
    const response = await service.screen(unknown, AbortSignal.timeout(screeningTimeout));
    if ('failure' in response) {
      onScreening({ service: service.name, outcome: 'unavailable' });
      this.#circuit.recordFailure('');
      this.#problem = `The screening service is unavailable: ${response.failure}.`;
      return results;
    }
    onScreening({ service: service.name, outcome: 'screened' });
    this.#circuit.recordSuccess();
    const reported = response.screened.map(({ number, ...result }) => ({ ...result, mobile: number }));
    for (const result of reported) results.set(result.mobile, result);
    this.#problem = unknown.every((number) => results.has(number)) ? undefined : incomplete;
    if (reported.length > 0) await store.saveScreenings(service.name, reported);
    return results;
  }

  #otherNumber({ content }: DueLead): string | undefined {
    return otherNumberOf(content, this.#context.parsePhone);
  }
}

const listed = 'The screening service lists the number.';

const otherListed = 'the screening service lists it';

const incomplete = 'The screening service did not report on every number.';

const noService =
  'The lead type requires a screening service, and this server has none. Set SCREENING_URL and SCREENING_SECRET.';

function waiting<Lead extends DueLead>(
  lead: Lead,
  reason: string,
  until: number,
  isTypeBlocked: boolean,
): Permission<Lead> {
  return { outcome: 'wait', lead, until, waitsFor: 'screening', reason, isTypeBlocked };
}

function numbersOf<Lead extends DueLead>(
  leads: readonly Lead[],
  otherNumber: (lead: Lead) => string | undefined,
): string[] {
  const numbers = leads.flatMap((lead) => [lead.mobile, otherNumber(lead)]);
  return [...new Set(numbers.filter((number) => number !== undefined))];
}

function refusal(
  leadId: string,
  { mobile, lists, checkedAt }: ScreeningResult,
  service: string,
  result: RefusedNumber['result'],
  at: number,
): RefusedNumber {
  const names = lists.length === 0 ? [service] : lists;
  return {
    leadId,
    mobile,
    at,
    lists: Object.fromEntries(names.map((name) => [name, formatTime(checkedAt)])),
    result,
  };
}
