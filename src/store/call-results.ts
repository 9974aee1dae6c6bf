import type { CallResult } from '../leads/call-result.ts';
import type { Suppressed } from './suppressions.ts';

/** Maximum number of calls of a lead whose results are stored. */
export const maxCallsPerLead = 500;

/** What a dialler reports about a call. */
export interface CallReport {
  leadId: string;
  /** Id of the call at the dialler. */
  callId: string;
  /** The dialler's code for the result, such as a status of VICIdial. */
  code: string;
  /** What the code means; null: no result is configured for it. */
  result: CallResult | null;
  /** When the call was made, or else when the report was received (ms since 1970). */
  calledAt: number;
  /** How long somebody talked with the person (s); null: unknown. */
  talkTime: number | null;
  /** When it was received (ms since 1970). */
  receivedAt: number;
  /** Name of the dialler, for the do-not-call list. */
  dialler: string;
  /** Names of the lead types, current or former, that the sender may report on. Undefined: all. */
  types: readonly string[] | undefined;
}

/** What became of a report. */
export type RecordedReport =
  | ({
      /** `changed`: the call was stored with another code, which is replaced. `repeated`: it was stored already. */
      outcome: 'recorded' | 'changed' | 'repeated';
      /** Name of the lead type. */
      type: string;
      /** E.164. */
      mobile: string;
      /** The code that is replaced; null: none. */
      previousCode: string | null;
      /** The result that was stored before; null: none. */
      previousResult: CallResult | null;
    } & Partial<Suppressed>)
  | {
      /**
       * `unknown-lead`: there is no such lead. `other-type`: the sender may not report on its type. `too-many-calls`:
       * the results of `maxCallsPerLead` other calls are stored.
       */
      outcome: 'unknown-lead' | 'other-type' | 'too-many-calls';
    };

/** The result of a call, as operators see it. */
export interface CallResultRecord extends Omit<CallReport, 'dialler' | 'types'> {
  /** When it was first received, or last changed (ms since 1970). */
  receivedAt: number;
}

/** When the dialler last reported on a lead type. */
export interface LastResult {
  /** Name of the lead type. */
  type: string;
  /** Milliseconds since 1970. */
  receivedAt: number;
}

/** The results of calls. */
export interface CallResults {
  /**
   * Records the result of a call. Repeating it has no effect; another code for the same call replaces the one before.
   * The result `do-not-call` enters the number in the do-not-call list, for all types, in the same transaction.
   */
  recordCallResult(report: CallReport): Promise<RecordedReport>;
  /** Returns when a result was last recorded, to the minute, of each lead type of which one was and that is not retired. */
  lastResults(): Promise<LastResult[]>;
  /** Lists the results of all calls of a person's leads, oldest first. @param mobile E.164 */
  callResults(mobile: string): AsyncIterable<CallResultRecord>;
}
