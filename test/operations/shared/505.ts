import type { OperationId } from '../../../src/contract/reply.ts';
import { sendRaw } from '../../harness/client.ts';
import { checkResponse, operationOf } from '../../harness/contract.ts';
import { bringsEveryExample } from '../../harness/examples.ts';

/** RFC 9110, section 15.6.6. */
export function refusesOtherVersions(id: OperationId): void {
  bringsEveryExample(id, 505, {
    'version-not-supported': {
      send: async (server) => {
        const run = await sendRaw(server, `POST ${operationOf(id).path} HTTP/2.0\r\nHost: a\r\n\r\n`);
        checkResponse(id, run);
        return run;
      },
    },
  });
}
