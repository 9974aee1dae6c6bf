/** Numbers in the configuration are written in decimal digits, so that none is misread. */
import { expect, test } from 'vitest';
import { readConfig } from '../../src/app/config.ts';

test.each([
  'PORT',
  'METRICS_PORT',
  'DATABASE_CONNECTIONS',
  'RATE_LIMIT',
  'RATE_LIMIT_BURST',
  'CONNECTIONS_PER_ADDRESS',
  'DIALLER_CONCURRENCY',
  'DIALLER_TIMEOUT',
])('%s accepts decimal digits only', async (name) => {
  await expect(readConfig({ [name]: '10' })).resolves.toBeDefined();
  for (const value of ['0x10', '1e1', ' 5', '5 ', '5.0', '+5', '1_0', '']) {
    await expect(readConfig({ [name]: value })).rejects.toThrow(`${name} must be `);
  }
});
