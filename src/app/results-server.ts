import { phoneParsers } from '../leads/phone.ts';
import { type RunningServer, startHttpServer } from '../server/http-server.ts';
import { type OnReport, resultsApp } from '../server/results/results-app.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import type { Config } from './config.ts';
import { isListSecret } from './result-urls.ts';
import { urlOf } from './url.ts';

/** Maximum number of connections. A dialler opens one for each call that ends. */
const maxResultConnections = 500;

/**
 * Starts the server that receives the results of calls. Undefined: there is none.
 *
 * @param onReport undefined: nothing is counted
 * @throws as `startHttpServer`
 */
export async function startResultsServer(
  { results, dialler, defaultCountry, trustedProxies }: Config,
  store: Store,
  log: Log,
  onReport: OnReport | undefined,
): Promise<RunningServer | undefined> {
  if (results === undefined) return undefined;
  const typesNow = new Map(dialler?.lists?.map(({ list, types }) => [list, types]));
  const app = resultsApp({
    store,
    parsePhone: phoneParsers(defaultCountry).parse,
    codes: results.codes,
    secrets: results.secrets,
    // A list that receives no more leads keeps the types of its URL; one that receives others needs no new URL.
    typesOfList: (list, types, secret) =>
      isListSecret(results.secrets, { list, types }, secret)
        ? [...types, ...(typesNow.get(list) ?? [])]
        : undefined,
    trustedProxies,
    log,
    onReport: onReport ?? (() => {}),
  });
  const server = await startHttpServer(app, {
    host: results.host,
    port: results.port,
    settings: { host: 'RESULTS_HOST', port: 'RESULTS_PORT' },
    log,
    trustedProxies,
    maxConnections: maxResultConnections,
  });
  log.info(`Results of calls are received at ${urlOf(server)}.`);
  return server;
}
