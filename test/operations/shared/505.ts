import type { OperationId } from '../../../src/contract/reply.ts';
import { sendRaw } from '../../harness/client.ts';
import { checkAnswer, operationOf } from '../../harness/contract.ts';
import { bringsEveryExample } from '../../harness/examples.ts';

/** RFC 9110, section 15.6.6. */
export function refusesOtherVersions(id: OperationId): void {
  bringsEveryExample(id, 505, {
    'unsupported-version': {
      send: async (server) => {
        const answer = await sendRaw(server, `POST ${operationOf(id).path} HTTP/2.0\r\nHost: a\r\n\r\n`);
        checkAnswer(id, answer);
        return answer;
      },
    },
  });
}
