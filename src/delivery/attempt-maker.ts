import type { ClaimedLead, Delivery } from '../store/delivery.ts';
import type { Log } from '../telemetry/log.ts';
import { continueTrace } from '../telemetry/tracing.ts';
import type { DeliveryResult, Dialler } from './dialler.ts';
import { describeDuplicates } from './duplicate-checks.ts';

/** Result of an attempt, with what was found before the lead was sent. */
export interface AttemptResult extends DeliveryResult {
  /** Whether the dialler certainly did not have the lead before, although an earlier attempt may have arrived. */
  wasAbsent?: boolean;
  /** Where the dialler has the lead more than once, without personal data. Undefined: no duplicates are known. */
  duplicates?: string;
}

/**
 * Makes attempts to deliver leads. If an earlier attempt may have arrived, it looks for the lead in the dialler first.
 * No other lead is looked up.
 */
export class AttemptMaker {
  readonly #dialler: Dialler;
  readonly #store: Pick<Delivery, 'earlierLeads'>;
  readonly #log: Log;

  constructor({
    dialler,
    store,
    log,
  }: { dialler: Dialler; store: Pick<Delivery, 'earlierLeads'>; log: Log }) {
    this.#dialler = dialler;
    this.#store = store;
    this.#log = log;
  }

  /** Makes an attempt in a span that continues the trace of the request. @param signal ends it */
  make(lead: ClaimedLead, signal: AbortSignal): Promise<AttemptResult> {
    const attributes = {
      'leads.lead': lead.id,
      'leads.dialler': this.#dialler.name,
      'leads.attempt': lead.attemptNumber,
    };
    const describe = ({ outcome }: DeliveryResult) => ({ 'leads.outcome': outcome });
    return continueTrace(lead.trace, 'deliver', attributes, () => this.#make(lead, signal), describe);
  }

  async #make(lead: ClaimedLead, signal: AbortSignal): Promise<AttemptResult> {
    try {
      if (!lead.mayHaveArrived || this.#dialler.find === undefined)
        return await this.#deliver(lead, signal, []);
      const found = await this.#dialler.find(lead, signal);
      if ('failure' in found) return found.failure;
      const result = await this.#deliver(lead, signal, found.ids);
      if (found.ids.length === 0) return { ...result, wasAbsent: true };
      return found.ids.length > 1 ? { ...result, duplicates: describeDuplicates(found.ids) } : result;
    } catch (error) {
      this.#log.error(
        { err: error, lead: lead.id },
        `The dialler ${this.#dialler.name} threw an unexpected error.`,
      );
      return { outcome: 'unknown', response: 'unexpected error; see the log' };
    }
  }

  #deliver(lead: ClaimedLead, signal: AbortSignal, found: readonly string[]): Promise<DeliveryResult> {
    const earlierLeads = () => this.#store.earlierLeads(lead.id);
    return this.#dialler.deliver(lead, signal, { found, earlierLeads });
  }
}
