/** When the store fails nothing may be said of the lead, least of all that there is none. */

import { send } from '../../harness/client.ts';
import { bringsEveryExample } from '../../harness/examples.ts';
import { breakStore } from '../../harness/server.ts';

bringsEveryExample('leadStatus', 500, {
  'server-error': {
    arrange: async (server) => breakStore(server.file),
    send: (server) => send(server, 'leadStatus'),
  },
});
