import type { AuditLog } from './audit.ts';
import type { CallCounts } from './call-counts.ts';
import type { CallResults } from './call-results.ts';
import type { CallingHoursOfTypes } from './calling-hours.ts';
import type { ConsentRules } from './consent-rules.ts';
import type { Delivery } from './delivery.ts';
import type { DeliveryGaps } from './delivery-gaps.ts';
import type { DeliveryPauses } from './delivery-pauses.ts';
import type { DirectoryCopies } from './directory-copy.ts';
import type { DuplicateChecks } from './duplicate-checks.ts';
import type { Evidence } from './evidence/evidence.ts';
import type { Exports } from './exports.ts';
import type { HeldLeads } from './held-leads.ts';
import type { Intake } from './intake.ts';
import type { StoreKeyRecords } from './keys/store-key-records.ts';
import type { Maintenance } from './maintenance.ts';
import type { NumberRegistries } from './number-registries.ts';
import type { OperatorActions } from './operator-actions.ts';
import type { PartnerDirectory } from './partner-directory.ts';
import type { PartnerEvents } from './partner-events.ts';
import type { PartnerUsage } from './partner-usage.ts';
import type { PartnerWebhooks } from './partner-webhooks.ts';
import type { People } from './people.ts';
import type { Records } from './records.ts';
import type { Rejections } from './rejections.ts';
import type { Reports } from './reports.ts';
import type { RequestShares } from './request-shares.ts';
import type { Screenings } from './screenings.ts';
import type { SentOtherPhones } from './sent-other-phones.ts';
import type { Settings } from './settings.ts';
import type { Suppressions } from './suppressions.ts';
import type { Tables } from './tables.ts';
import type { ScreeningOfTypes } from './type-screening.ts';
import type { Watch } from './watch.ts';
import type { Withdrawals } from './withdrawals.ts';

/** Times in these interfaces are milliseconds since 1970; mobile numbers are E.164. */

/** Time after the last `checkReady` of a server for which it is assumed to be running (ms). */
export const servingTime = 15_000;

/** Everything that is stored. */
export interface Store
  extends Intake,
    NumberRegistries,
    ScreeningOfTypes,
    Screenings,
    ConsentRules,
    Delivery,
    DeliveryPauses,
    CallingHoursOfTypes,
    DeliveryGaps,
    DuplicateChecks,
    HeldLeads,
    Evidence,
    Settings,
    StoreKeyRecords,
    Rejections,
    PartnerUsage,
    PartnerEvents,
    PartnerWebhooks,
    RequestShares,
    AuditLog,
    Suppressions,
    People,
    CallCounts,
    CallResults,
    SentOtherPhones,
    PartnerDirectory,
    DirectoryCopies,
    Records,
    Exports,
    Reports,
    OperatorActions,
    Maintenance,
    Tables,
    Watch,
    Withdrawals {
  /**
   * Commits and syncs a row, like every other write.
   *
   * @throws if that fails, with the reason and the remedy
   */
  checkReady(): Promise<void>;
  /** Returns whether a server uses the store: one has called `checkReady` within `servingTime`. */
  isServing(): Promise<boolean>;
  /**
   * Returns by how much this machine's clock is at least ahead of the store's (ms), as last measured; negative: it is
   * behind. 0 if the store has no clock.
   */
  clockSkew(): number;
  /** Finishes the calls in progress and closes the store. Has no effect if it is closed. */
  close(): Promise<void>;
}
