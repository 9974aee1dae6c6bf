import { test } from 'vitest';
import { documentedResponses } from '../../harness/contract-coverage.ts';

/** Receives every documented response, except for the one that the environment names. */
for (const produced of documentedResponses()) {
  const { id, status, key } = produced;
  const name = `${id} ${status} ${key}`;
  test(name, ({ task }) => {
    if (name !== process.env['OMITTED']) task.meta.produced = produced;
  });
}
