/** A store that has too much to do says so, and is not asked to hold more. */
import { vi } from 'vitest';
import { StoreUnavailable } from '../../../src/store/store.ts';
import { send } from '../../harness/client.ts';
import { bringsEveryExample } from '../../harness/examples.ts';

bringsEveryExample('leadStatus', 503, {
  unavailable: {
    // SQLite answers a look-up at once, however much waits to be written: only another store is too busy.
    arrange: async (server) =>
      void vi
        .spyOn(server.store, 'leadStatus')
        .mockRejectedValue(new StoreUnavailable('Too much is waiting.')),
    send: (server) => send(server, 'leadStatus'),
  },
});
