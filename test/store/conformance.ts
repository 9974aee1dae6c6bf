/** What the lead logic, the dispatcher and the commands expect of a store, whichever it is. */
import { describe, test } from 'vitest';
import type { Behaviours } from './conformance/behaviour.ts';
import { cancellations } from './conformance/cancellations.ts';
import { deliveries } from './conformance/deliveries.ts';
import { idempotency } from './conformance/idempotency.ts';
import { lookups } from './conformance/lookups.ts';
import { operatorActions } from './conformance/operator-actions.ts';
import { outcomes } from './conformance/outcomes.ts';
import { pauses } from './conformance/pauses.ts';
import { registry } from './conformance/registry.ts';
import { submissions } from './conformance/submissions.ts';
import { watch } from './conformance/watch.ts';
import type { TestedStore } from './stores.ts';

const suites: Record<string, Behaviours> = {
  outcomes,
  submissions,
  cancellations,
  idempotency,
  deliveries,
  pauses,
  'operator actions': operatorActions,
  lookups,
  registry,
  watch,
};

/** Tests that a store behaves as every store does. */
export function testConformance({ name, open }: TestedStore): void {
  describe(name, () => {
    for (const [suite, behaviours] of Object.entries(suites)) {
      describe(suite, () => {
        for (const [behaviour, run] of Object.entries(behaviours)) test(behaviour, () => run(open));
      });
    }
  });
}
