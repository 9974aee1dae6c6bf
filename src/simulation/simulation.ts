import { readTestNumbers } from '../contract/test-numbers.ts';
import { Dispatcher } from '../delivery/dispatcher.ts';
import { DoNotCallRule } from '../delivery/do-not-call-rule.ts';
import { ExpiryRule } from '../delivery/expiry-rule.ts';
import { OtherPhoneRule } from '../delivery/other-phone-rule.ts';
import { DeliveryPermission } from '../delivery/permission.ts';
import { Withdrawer } from '../delivery/withdrawer.ts';
import type { ParsePhone } from '../leads/phone.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import { SimulatedDialler } from './simulated-dialler.ts';
import { enterObjections, withSimulatedOutcomes } from './simulated-outcomes.ts';
import { SimulationRule } from './simulation-rule.ts';
import type { SimulationTimes } from './simulation-times.ts';
import { TestMaintenance } from './test-maintenance.ts';

/** Maximum number of test leads in flight. */
const concurrency = 20;

/** Maximum time of a simulated attempt (ms). */
const timeout = 10_000;

/** Maximum number of deliveries of a test lead. */
const maxAttempts = 10;

/** What a simulation depends on. It has no dialler: nothing in it can reach one. */
export interface SimulationOptions {
  /** Contains test data only. */
  store: Store;
  /** Accepts test numbers. */
  parsePhone: ParsePhone;
  times: SimulationTimes;
  log: Log;
  /** Whether the life of each test lead is logged; otherwise only with LOG_LEVEL=debug. */
  isLogged?: boolean;
}

/** What happens to test leads: their delivery, their results and their removal. */
export interface Simulation {
  /** The store, for requests with test keys. */
  readonly store: Store;
  /** Resolves once what is in progress has ended. Does not close the store. */
  stop(): Promise<void>;
}

/**
 * Starts to deliver test leads to a simulated dialler, and to remove old test data. Several servers can share a store.
 *
 * @throws if the store fails
 */
export async function startSimulation(options: SimulationOptions): Promise<Simulation> {
  const { store, parsePhone, times } = options;
  const numbers = readTestNumbers();
  const log = logOfLeads(options);
  await enterObjections(store, numbers);
  const dialler = new SimulatedDialler({ store, numbers, parsePhone, log, resultAfter: times.resultAfter });
  await dialler.resume();
  const dispatcher = new Dispatcher({
    store,
    dialler,
    // Calling hours, lists of registries and limits do not apply: nobody is called.
    permission: new DeliveryPermission([
      new DoNotCallRule(store, parsePhone),
      new ExpiryRule(),
      new SimulationRule(numbers),
      new OtherPhoneRule(store, parsePhone),
    ]),
    log,
    concurrency,
    timeout,
    retrySchedule: Array.from({ length: maxAttempts - 1 }, () => times.retryAfter),
    // A simulated outage concerns one lead only.
    circuitBreakerDelays: { initial: 1, max: 1 },
  });
  const withdrawer = new Withdrawer({
    store,
    dialler,
    log,
    state: dispatcher.diallerState,
    concurrency,
    timeout,
  });
  const maintenance = new TestMaintenance(store, parsePhone, options.log);
  return {
    store: withSimulatedOutcomes(store, numbers),
    stop: async () => {
      await Promise.all([dispatcher.stop(), withdrawer.stop(), maintenance.stop()]);
      await dialler.stop();
    },
  };
}

/** Returns the log of what happens to test leads, which must not look like that of live ones. */
function logOfLeads({ log, isLogged = log.isLevelEnabled('debug') }: SimulationOptions): Log {
  return isLogged ? log.child({ test: true }) : log.child({ test: true }, { level: 'silent' });
}
