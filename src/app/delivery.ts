import { deliveryPermission } from '../delivery/delivery-rules.ts';
import { Dispatcher } from '../delivery/dispatcher.ts';
import { phoneParsers } from '../leads/phone.ts';
import type { DeliveryStatus } from '../server/metrics.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { nameCommands } from '../text/command-name.ts';
import type { Config } from './config.ts';

/** Starts the delivery of due leads. Undefined: this process delivers none. */
export function startDispatcher(
  config: Config,
  store: Store,
  log: Log,
  metrics: Metrics | undefined,
): Dispatcher | undefined {
  const { dispatch, dialler, diallerConcurrency, diallerTimeout, dialWithin } = config;
  if (!dispatch) {
    log.info('This process delivers no leads (DISPATCH=off).');
    return undefined;
  }
  if (dialler === undefined) {
    log.warn('No leads are delivered (DIALLER=none). Run `leads due --take 10` to deliver due leads.');
    return undefined;
  }
  log.info(`Due leads are delivered (DIALLER=${dialler.name}).`);
  const limits = { concurrency: diallerConcurrency, timeout: diallerTimeout, dialWithin };
  const { defaultCountry } = config;
  const parsePhone = phoneParsers(defaultCountry).parse;
  const permission = deliveryPermission({ store, parsePhone, defaultCountry });
  return new Dispatcher({
    store,
    dialler,
    permission,
    log,
    ...limits,
    ...(metrics && { observer: metrics.delivery }),
  });
}

/** Returns the state of delivery, for `/status`. */
export function deliveryStatus(
  { dispatch, dialler }: Config,
  dispatcher: Dispatcher | undefined,
): DeliveryStatus {
  if (dispatcher !== undefined) {
    const { reason, ...status } = dispatcher.status();
    return { ...status, ...(reason !== undefined && { reason: nameCommands(reason) }) };
  }
  const reason = dispatch
    ? 'No dialler is configured. Run `leads due --take 10` to deliver due leads.'
    : 'This process delivers no leads (DISPATCH=off).';
  return { dialler: dialler?.name ?? 'none', state: 'off', reason: nameCommands(reason) };
}
