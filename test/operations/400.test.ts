/** A partner fixes a request by its validation errors, so every example of them must be what the server sends. */
import { describe } from 'vitest';
import { operationsWith } from '../harness/contract.ts';
import { testEveryExample } from '../harness/examples.ts';

describe.each(operationsWith(400))('%s', (id) => {
  testEveryExample(id, 400);
});
