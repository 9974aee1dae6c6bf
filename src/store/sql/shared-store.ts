import type { AuditLog } from '../audit.ts';
import type { CallCounts } from '../call-counts.ts';
import type { CallResults } from '../call-results.ts';
import type { CallingHoursOfTypes } from '../calling-hours.ts';
import type { ConsentRules } from '../consent-rules.ts';
import type { Delivery } from '../delivery.ts';
import type { DeliveryGaps } from '../delivery-gaps.ts';
import type { DeliveryPauses } from '../delivery-pauses.ts';
import type { DirectoryCopies } from '../directory-copy.ts';
import type { DuplicateChecks } from '../duplicate-checks.ts';
import type { Evidence } from '../evidence/evidence.ts';
import type { Exports } from '../exports.ts';
import type { HeldLeads } from '../held-leads.ts';
import type { PersonDigests } from '../keys/person-digests.ts';
import type { StoreKeyRecords } from '../keys/store-key-records.ts';
import type { Maintenance } from '../maintenance.ts';
import type { NumberRegistries } from '../number-registries.ts';
import type { PartnerDirectory } from '../partner-directory.ts';
import type { PartnerEvents } from '../partner-events.ts';
import type { PartnerUsage } from '../partner-usage.ts';
import type { PartnerWebhooks } from '../partner-webhooks.ts';
import type { Records } from '../records.ts';
import type { Rejections } from '../rejections.ts';
import type { Reports } from '../reports.ts';
import type { RequestShares } from '../request-shares.ts';
import type { Screenings } from '../screenings.ts';
import type { SentOtherPhones } from '../sent-other-phones.ts';
import type { Settings } from '../settings.ts';
import type { Suppressions } from '../suppressions.ts';
import type { Tables } from '../tables.ts';
import type { ScreeningOfTypes } from '../type-screening.ts';
import type { Withdrawals } from '../withdrawals.ts';
import { auditLog } from './audit.ts';
import type { AuditedDatabase } from './audited-database.ts';
import { callCounts } from './call-counts.ts';
import { callResults } from './call-results.ts';
import { callingHours } from './calling-hours.ts';
import { claimedLeads } from './claimed-leads.ts';
import { consentRules } from './consent-rules.ts';
import { deliveryGaps } from './delivery-gaps.ts';
import { deliveryPauses } from './delivery-pauses.ts';
import { directoryCopies } from './directory-copy.ts';
import { duplicateChecks } from './duplicate-checks.ts';
import { evidence } from './evidence/evidence.ts';
import { recordExports } from './exports.ts';
import { heldLeads } from './held-leads.ts';
import { pruning } from './maintenance.ts';
import { numberRegistries } from './number-registries.ts';
import { partnerDirectory } from './partner-directory.ts';
import { partnerEvents } from './partner-events.ts';
import { partnerUsage } from './partner-usage.ts';
import { partnerWebhooks } from './partner-webhooks.ts';
import { records } from './records.ts';
import { rejections } from './rejections.ts';
import { reports } from './reports.ts';
import { requestShares } from './request-shares.ts';
import { screenings } from './screenings.ts';
import { sentOtherPhones } from './sent-other-phones.ts';
import { settings } from './settings.ts';
import { storeKeyRecords } from './store-key-records.ts';
import { suppressions } from './suppressions.ts';
import { tableReader } from './tables.ts';
import { typeScreening } from './type-screening.ts';
import type { WithdrawalEvents } from './withdrawals/events.ts';
import { withdrawals } from './withdrawals/withdrawals.ts';

/** Calls that are the same in every store. */
type SharedStore = DeliveryPauses &
  ConsentRules &
  CallingHoursOfTypes &
  DeliveryGaps &
  DuplicateChecks &
  HeldLeads &
  Evidence &
  Settings &
  StoreKeyRecords &
  Rejections &
  PartnerUsage &
  PartnerEvents &
  PartnerWebhooks &
  RequestShares &
  AuditLog &
  CallCounts &
  CallResults &
  SentOtherPhones &
  Suppressions &
  NumberRegistries &
  ScreeningOfTypes &
  Screenings &
  PartnerDirectory &
  DirectoryCopies &
  Records &
  Exports &
  Reports &
  Withdrawals &
  Pick<Delivery, 'releaseLeads' | 'postponeLeads' | 'earlierLeads'> &
  Pick<Maintenance, 'prune' | 'countPrunable' | 'deleteIdempotencyRecords'> &
  Omit<Tables, 'addRows'>;

/** Implements the calls that need only the store's database. */
export function sharedStore(
  database: AuditedDatabase,
  digests: PersonDigests,
  events: WithdrawalEvents,
): SharedStore {
  return {
    ...consentRules(database),
    ...deliveryPauses(database),
    ...callingHours(database),
    ...deliveryGaps(database),
    ...duplicateChecks(database),
    ...heldLeads(database),
    ...evidence(database),
    ...settings(database),
    ...storeKeyRecords(database, digests),
    ...rejections(database),
    ...partnerUsage(database),
    ...partnerEvents(database),
    ...partnerWebhooks(database),
    ...requestShares(database),
    ...auditLog(database),
    ...suppressions(database, digests, events),
    ...callCounts(database),
    ...callResults(database, digests, events),
    ...sentOtherPhones(database),
    ...numberRegistries(database, digests),
    ...typeScreening(database),
    ...screenings(database),
    ...partnerDirectory(database),
    ...directoryCopies(database),
    ...records(database),
    ...recordExports(database),
    ...reports(database),
    ...claimedLeads(database),
    ...pruning(database),
    ...tableReader(database),
    ...withdrawals(database, events),
  };
}
