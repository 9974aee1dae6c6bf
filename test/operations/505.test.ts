/** RFC 9110, section 15.6.6. */

import { describe } from 'vitest';
import { sendRaw } from '../harness/client.ts';
import { checkResponse, operationOf, operationsWith } from '../harness/contract.ts';
import { testEveryExample } from '../harness/examples.ts';

describe.each(operationsWith(505))('%s', (id) => {
  testEveryExample(id, 505, {
    'version-not-supported': {
      send: async (server) => {
        const response = await sendRaw(server, `POST ${operationOf(id).path} HTTP/2.0\r\nHost: a\r\n\r\n`);
        checkResponse(id, response);
        return response;
      },
    },
  });
});
