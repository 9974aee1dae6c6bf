import { deliveryPermission } from '../delivery/delivery-rules.ts';
import { Dispatcher } from '../delivery/dispatcher.ts';
import type { DispatcherStatus } from '../delivery/dispatcher-status.ts';
import { withdrawWithoutDialler } from '../delivery/no-dialler.ts';
import { RequestSharing } from '../delivery/request-sharing.ts';
import { Withdrawer } from '../delivery/withdrawer.ts';
import { phoneParsers } from '../leads/phone.ts';
import type { DeliveryStatus } from '../server/metrics.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics/metrics.ts';
import { nameCommands } from '../text/command-name.ts';
import type { Config } from './config.ts';
import { stopAll } from './shutdown.ts';

/** The delivery and the withdrawal of leads by this process. */
export interface RunningDelivery {
  /** Returns the state of delivery. Undefined: this process delivers no leads. */
  status(): DispatcherStatus | undefined;
  /** Resolves once the attempts in flight have ended. */
  stop(): Promise<void>;
}

/**
 * Starts the delivery of due leads, and their withdrawal. Without a dialler, withdrawals become a task of an operator.
 * Undefined: this process does neither.
 */
export function startDelivery(
  config: Config,
  store: Store,
  log: Log,
  metrics: Metrics | undefined,
): RunningDelivery | undefined {
  const { dispatch, dialler, diallerConcurrency, diallerTimeout, dialWithin } = config;
  if (!dispatch) {
    log.info('This process delivers no leads (DISPATCH=off).');
    return undefined;
  }
  if (dialler === undefined) {
    log.warn(
      'This process delivers no leads (DIALLER=none). Run `leads due --take 10` to deliver due leads, unless another server does.',
    );
    const withdrawer = withdrawWithoutDialler({ store, log, ...(metrics && { observer: metrics.delivery }) });
    return { status: () => undefined, stop: () => withdrawer.stop() };
  }
  log.info(`Due leads are delivered (DIALLER=${dialler.name}).`);
  const limits = { concurrency: diallerConcurrency, timeout: diallerTimeout, dialWithin };
  const { defaultCountry, callsPerDay } = config;
  const parsePhone = phoneParsers(defaultCountry).parse;
  const permission = deliveryPermission({
    store,
    parsePhone,
    defaultCountry,
    dialWithin,
    callsPerDay,
    screening: config.screening,
    ...(metrics && { onScreening: metrics.delivery.onScreening }),
  });
  const { requests } = dialler;
  const sharing = requests && new RequestSharing({ store, requests, log, timeout: diallerTimeout });
  const dispatcher = new Dispatcher({
    store,
    dialler,
    permission,
    log,
    ...limits,
    ...(metrics && { observer: metrics.delivery }),
  });
  const withdrawer = new Withdrawer({
    store,
    dialler,
    log,
    state: dispatcher.diallerState,
    concurrency: diallerConcurrency,
    timeout: diallerTimeout,
    ...(metrics && { observer: metrics.delivery }),
  });
  return {
    status: () => dispatcher.status(),
    stop: async () => {
      await stopAll([dispatcher, withdrawer]);
      await sharing?.stop();
    },
  };
}

/** Returns the state of delivery, for `/status`. */
export function deliveryStatus(
  { dispatch, dialler }: Config,
  delivery: RunningDelivery | undefined,
): DeliveryStatus {
  const running = delivery?.status();
  if (running !== undefined) {
    const { reason, ...status } = running;
    return { ...status, ...(reason !== undefined && { reason: nameCommands(reason) }) };
  }
  const reason = dispatch
    ? 'No dialler is configured. Run `leads due --take 10` to deliver due leads.'
    : 'This process delivers no leads (DISPATCH=off).';
  return { dialler: dialler?.name ?? 'none', state: 'off', reason: nameCommands(reason) };
}
