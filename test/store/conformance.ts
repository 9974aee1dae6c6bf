/** What the lead logic, the dispatcher and the commands expect of a store, whichever it is. */
import { afterAll, describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { audit } from './conformance/audit.ts';
import type { Behaviours, Open } from './conformance/behaviour.ts';
import { bulk } from './conformance/bulk.ts';
import { callResults } from './conformance/call-results.ts';
import { callingHours } from './conformance/calling-hours.ts';
import { cancellations } from './conformance/cancellations.ts';
import { deliveries } from './conformance/deliveries.ts';
import { deliveryGaps } from './conformance/delivery-gaps.ts';
import { directoryCopy } from './conformance/directory-copy.ts';
import { duplicateChecks } from './conformance/duplicate-checks.ts';
import { evidence } from './conformance/evidence.ts';
import { exportedRecords } from './conformance/exports.ts';
import { heldLeads } from './conformance/held-leads.ts';
import { idempotency } from './conformance/idempotency.ts';
import { leadTypes } from './conformance/lead-types.ts';
import { lookups } from './conformance/lookups.ts';
import { numberRegistries } from './conformance/number-registries.ts';
import { operatorActions } from './conformance/operator-actions.ts';
import { outcomes } from './conformance/outcomes.ts';
import { partnerEvents } from './conformance/partner-events.ts';
import { partnerUsage } from './conformance/partner-usage.ts';
import { partnerWebhooks } from './conformance/partner-webhooks.ts';
import { pauses } from './conformance/pauses.ts';
import { people } from './conformance/people.ts';
import { personDigests } from './conformance/person-digests.ts';
import { registry } from './conformance/registry.ts';
import { rejections } from './conformance/rejections.ts';
import { remainingLeads } from './conformance/remaining-leads.ts';
import { reports } from './conformance/reports.ts';
import { requestShares } from './conformance/request-shares.ts';
import { schedule } from './conformance/schedule.ts';
import { settings } from './conformance/settings.ts';
import { submissions } from './conformance/submissions.ts';
import { suppressions } from './conformance/suppressions.ts';
import { watch } from './conformance/watch.ts';
import { withdrawals } from './conformance/withdrawals.ts';
import type { TestedStore } from './stores.ts';

const suites: Record<string, Behaviours> = {
  outcomes,
  submissions,
  'several submissions': bulk,
  cancellations,
  idempotency,
  deliveries,
  schedule,
  'duplicate checks': duplicateChecks,
  pauses,
  'calling hours': callingHours,
  'delivery gaps': deliveryGaps,
  'operator actions': operatorActions,
  'held leads': heldLeads,
  evidence,
  lookups,
  exports: exportedRecords,
  reports,
  registry,
  'lead types': leadTypes,
  'directory copies': directoryCopy,
  'remaining leads': remainingLeads,
  settings,
  audit,
  people,
  'person digests': personDigests,
  rejections,
  'partner usage': partnerUsage,
  'request shares': requestShares,
  suppressions,
  'number registries': numberRegistries,
  watch,
  withdrawals,
  'call results': callResults,
  'partner events': partnerEvents,
  'partner webhooks': partnerWebhooks,
};

/** Methods that no behaviour calls, and the tests that do. */
const testedElsewhere: Partial<Record<keyof Store, string>> = {
  resolveLead: 'undecided.test.ts',
  rows: 'maintenance.test.ts',
  lastRow: 'maintenance.test.ts',
  countRows: 'maintenance.test.ts',
  addRows: 'maintenance.test.ts',
  prune: 'maintenance.test.ts',
  countPrunable: 'maintenance.test.ts',
  backup: 'maintenance.test.ts',
  lastBackupAt: 'maintenance.test.ts',
  shrink: 'sqlite/erasure.test.ts',
  erase: 'sqlite/erasure.test.ts',
  compact: 'sqlite/erasure.test.ts',
};

/** Tests that a store behaves as every store does, and that no method is left out. */
export function testConformance({ name, open }: TestedStore): void {
  describe(name, () => {
    const uncalled = new Set<string>();
    const called = new Set<string>();
    let left = 0;

    const openObserved: Open = async () => {
      const store = await open();
      for (const method of Object.keys(store)) if (!(method in testedElsewhere)) uncalled.add(method);
      return new Proxy(store, {
        get(target, method) {
          called.add(String(method));
          return Reflect.get(target, method);
        },
      });
    };

    for (const [suite, behaviours] of Object.entries(suites)) {
      describe(suite, () => {
        for (const [behaviour, run] of Object.entries(behaviours)) {
          left += 1;
          test(behaviour, async () => {
            await run(openObserved);
            left -= 1;
          });
        }
      });
    }

    afterAll(() => {
      // A run of selected tests proves nothing about the others.
      if (left === 0) expect([...uncalled].filter((method) => !called.has(method))).toEqual([]);
    });
  });
}
