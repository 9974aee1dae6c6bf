import { createWebhookClient, type SendEvent } from '../delivery/partner-webhooks/webhook-client.ts';
import { WebhookSender } from '../delivery/partner-webhooks/webhook-sender.ts';
import { proxyCheck } from '../server/client-address.ts';
import type { StoreKeys } from '../store/keys/store-keys.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics/metrics.ts';
import type { Config } from './config.ts';

/** Maximum number of connections to one receiver. */
const connectionsPerReceiver = 16;

/** Creates the client that sends events to partners. */
export function webhookClient({ webhookNetworks }: Pick<Config, 'webhookNetworks'>): SendEvent {
  return createWebhookClient({ isAllowed: proxyCheck(webhookNetworks) }, connectionsPerReceiver);
}

/** Starts to send the events of partners to their webhooks. Undefined: this process sends none (DISPATCH=off). */
export function startWebhookSender(
  config: Config,
  store: Store,
  keys: StoreKeys | undefined,
  log: Log,
  metrics: Metrics | undefined,
): WebhookSender | undefined {
  if (!config.dispatch) return undefined;
  return new WebhookSender({ store, keys, send: webhookClient(config), log, observer: metrics?.webhooks });
}
