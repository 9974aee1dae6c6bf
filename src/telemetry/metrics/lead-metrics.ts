import { Gauge, type Registry } from 'prom-client';

/** Values of the metrics that describe the leads of the store, read each time the metrics are read. */
export interface LeadMetrics {
  /** Number of leads in each state. */
  byState: Record<string, number>;
  /** Number of leads that can be claimed now. */
  due: number;
  /** Number of failed leads that the dialler may have. */
  undecided: number;
  /** Number of leads that could be claimed now if their delivery were not paused. */
  duePaused: number;
  /** The pauses of delivery; an undefined type means all types. */
  pauses: readonly { type: string | undefined; by: string }[];
  /** Time for which the first lead that can be claimed could have been delivered (s); 0: no lead can be claimed. */
  oldestDue: number;
  /** Number of scheduled leads whose last attempt failed, and whose next one is later. */
  waitingForRetry: number;
  /** Time since the first of them was due (s); 0: there are none. */
  oldestWaiting: number;
  /** Numbers of leads that wait until they may be delivered, by what they wait for. */
  notPermitted: readonly { waitsFor: string; count: number }[];
  /** Number of leads that are to be withdrawn from the dialler. */
  openWithdrawals: number;
  /** Time since the first of them was requested (s); 0: there are none. */
  oldestWithdrawal: number;
  /** Number of leads that were not withdrawn, which an operator must remove at the dialler. */
  failedWithdrawals: number;
  /** The registries that a lead type requires, with the ages of their lists (s). */
  registries: readonly { name: string; age: number; maxAge: number }[];
  /** When the dialler last reported a result, by lead type (ms since 1970). */
  lastResults: readonly { type: string; receivedAt: number }[];
  /** The webhooks of partners, with the number of events that wait, and the time since the oldest of them happened (s). */
  webhooks: readonly { partner: string; waiting: number; oldest: number }[];
  /** When the last backup succeeded (ms since 1970); undefined: none was recorded. */
  lastBackupAt: number | undefined;
}

/** A metric without labels. */
interface SingleGauge {
  name: string;
  help: string;
  /** Returns its value. Undefined: it has none, and its series is removed, because 0 would be one. */
  value(values: LeadMetrics): number | undefined;
}

const singleGauges: readonly SingleGauge[] = [
  {
    name: 'leads_due',
    help: 'Leads that could be delivered now, in the whole store; not those in flight or waiting for a retry.',
    value: ({ due }) => due,
  },
  {
    name: 'leads_oldest_due_seconds',
    help: 'Time for which the first lead of leads_due could have been delivered; 0 if leads_due is 0.',
    value: ({ oldestDue }) => oldestDue,
  },
  {
    name: 'leads_waiting_for_retry',
    help: 'Leads whose last attempt failed and whose next one is later, in the whole store; paused leads do not count.',
    value: ({ waitingForRetry }) => waitingForRetry,
  },
  {
    name: 'leads_oldest_waiting_seconds',
    help: 'Time since the first lead of leads_waiting_for_retry was due; 0 if leads_waiting_for_retry is 0.',
    value: ({ oldestWaiting }) => oldestWaiting,
  },
  {
    name: 'leads_undecided',
    help: 'Failed leads that the dialler may have, in the whole store: an operator must resolve them.',
    value: ({ undecided }) => undecided,
  },
  {
    name: 'leads_withdrawals_open',
    help: 'Leads that are to be withdrawn from the dialler, in the whole store.',
    value: ({ openWithdrawals }) => openWithdrawals,
  },
  {
    name: 'leads_oldest_withdrawal_seconds',
    help: 'Time since the first withdrawal of leads_withdrawals_open was requested; 0 if there is none.',
    value: ({ oldestWithdrawal }) => oldestWithdrawal,
  },
  {
    name: 'leads_withdrawals_failed',
    help: 'Leads that were not withdrawn from the dialler, in the whole store: an operator must remove them there.',
    value: ({ failedWithdrawals }) => failedWithdrawals,
  },
  {
    name: 'leads_last_backup_timestamp_seconds',
    help: 'Time at which leads store backup last succeeded (Unix time); absent if it has not, and with PostgreSQL.',
    value: ({ lastBackupAt }) => lastBackupAt && lastBackupAt / 1_000,
  },
  {
    name: 'leads_due_paused',
    help: 'Leads that could be delivered now if their delivery were not paused; not included in leads_due.',
    value: ({ duePaused }) => duePaused,
  },
];

/** A metric with labels. */
interface LabelledGauge {
  name: string;
  help: string;
  labelNames: string[];
  /** Returns its series. Of equal ones, the last counts. */
  series(values: LeadMetrics): { labels: Record<string, string>; value: number }[];
}

const labelledGauges: readonly LabelledGauge[] = [
  {
    name: 'leads_by_state',
    help: 'Leads by state, in the whole store: use the maximum of several servers, not the sum.',
    labelNames: ['state'],
    series: ({ byState }) => Object.entries(byState).map(([state, value]) => ({ labels: { state }, value })),
  },
  {
    name: 'leads_not_permitted',
    help: 'Leads that may not be delivered yet, by what they wait for, such as calling-hours.',
    labelNames: ['waits_for'],
    series: ({ notPermitted }) =>
      notPermitted.map(({ waitsFor, count }) => ({ labels: { waits_for: waitsFor }, value: count })),
  },
  {
    name: 'leads_registry_age_seconds',
    help: 'Age of the list of each registry that a lead type requires; +Inf: none was imported.',
    labelNames: ['registry'],
    series: ({ registries }) =>
      registries.map(({ name, age }) => ({ labels: { registry: name }, value: age })),
  },
  {
    name: 'leads_registry_max_age_seconds',
    help: 'Maximum age of the list of each registry that a lead type requires: older ones stop the delivery of its leads.',
    labelNames: ['registry'],
    series: ({ registries }) =>
      registries.map(({ name, maxAge }) => ({ labels: { registry: name }, value: maxAge })),
  },
  {
    name: 'leads_last_result_timestamp_seconds',
    help: 'Time at which the dialler last reported a result, by lead type, to the minute (Unix time).',
    labelNames: ['type'],
    series: ({ lastResults }) =>
      lastResults.map(({ type, receivedAt }) => ({ labels: { type }, value: receivedAt / 1_000 })),
  },
  {
    name: 'leads_webhook_waiting',
    help: 'Events that have yet to be sent to the webhook of each partner that has one, in the whole store.',
    labelNames: ['partner'],
    series: ({ webhooks }) =>
      webhooks.map(({ partner, waiting }) => ({ labels: { partner }, value: waiting })),
  },
  {
    name: 'leads_webhook_oldest_waiting_seconds',
    help: 'Time since the first event of leads_webhook_waiting happened; 0 if there is none.',
    labelNames: ['partner'],
    series: ({ webhooks }) => webhooks.map(({ partner, oldest }) => ({ labels: { partner }, value: oldest })),
  },
  {
    name: 'leads_delivery_paused',
    help: '1 for each pause of delivery, by lead type (empty: all types) and by who paused it (operator or dialler).',
    labelNames: ['type', 'by'],
    series: ({ pauses }) => [
      // Alerts and dashboards need a series before the first pause.
      ...['operator', 'dialler'].map((by) => ({ labels: { type: '', by }, value: 0 })),
      ...pauses.map(({ type = '', by }) => ({ labels: { type, by }, value: 1 })),
    ],
  },
];

/**
 * Registers the metrics of the leads of the store.
 *
 * @returns a function that sets them; undefined: the store failed, so that all of them are removed
 */
export function registerLeadMetrics(registers: Registry[]): (values: LeadMetrics | undefined) => void {
  const single = singleGauges.map(({ name, help, value }) => ({
    gauge: new Gauge({ name, help, registers }),
    value,
  }));
  const labelled = labelledGauges.map(({ name, help, labelNames, series }) => ({
    gauge: new Gauge({ name, help, labelNames, registers }),
    series,
  }));
  return (values) => {
    for (const { gauge, value } of single) {
      const current = values && value(values);
      if (current === undefined) gauge.remove();
      else gauge.set(current);
    }
    for (const { gauge, series } of labelled) {
      gauge.reset();
      for (const { labels, value } of values === undefined ? [] : series(values)) gauge.set(labels, value);
    }
  };
}
