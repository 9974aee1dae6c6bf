import { onTestFinished } from 'vitest';
import { readConfig } from '../../src/app/config.ts';
import { ServerTestData } from '../../src/app/test-data.ts';
import { digestOf, newKey } from '../../src/partners/key.ts';
import type { Store } from '../../src/store/store.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { serve, type TestServer, type TestServerOptions } from './server.ts';

const log = await createLog('silent');

/** A server with a live key and a test key of the same partner. */
export interface ServerWithTestKey extends Omit<TestServer, 'file'> {
  /** The same server with the test key. */
  test: Omit<TestServer, 'file'>;
  testData: ServerTestData;
}

/**
 * Starts a server with a test key, whose calls end at once.
 *
 * @param store an empty store
 * @param url of the store, next to which the test data are
 */
export async function serveWithTestKey(
  store: Store,
  url: string,
  options: TestServerOptions = {},
): Promise<ServerWithTestKey> {
  const config = await readConfig({ DATABASE_URL: url });
  const times = { resultAfter: 20, retryAfter: 10 };
  const testData = new ServerTestData(config, store, log, { times });
  const server = await serve(store, { ...options, testData });
  onTestFinished(() => testData.stop());
  const key = newKey({ isTest: true });
  await store.addKey(server.partner, 'test-key', digestOf(key), true);
  return { ...server, test: { ...server, key }, testData };
}
