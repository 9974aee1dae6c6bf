/** Whatever is added to openapi.yaml must come with behaviour, and with words that help a partner. */
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { operationIds, operationOf, requestExamples, responseExamples } from '../harness/contract.ts';

/** `addLead` -> `add-lead`: the file and the folder of an operation. */
function fileName(operationId: string): string {
  return operationId.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

for (const id of operationIds()) {
  const { responses } = operationOf(id);

  test.each(Object.keys(responses))(`${id} %s has a test of its own`, (status) => {
    const file = new URL(`../operations/${fileName(id)}/${status}.test.ts`, import.meta.url);
    expect(existsSync(file)).toBe(true);
  });

  test(`each request example of ${id} shares its key with the response that it brings`, () => {
    const keys = Object.keys(responses).flatMap((status) =>
      Object.keys(responseExamples(id, Number(status))),
    );
    expect(keys).toEqual(expect.arrayContaining(Object.keys(requestExamples(id))));
    expect(new Set(keys).size).toBe(keys.length);
  });

  test.each(Object.keys(responses))(
    `every example of ${id} %s says what happened and what to do`,
    (status) => {
      for (const [key, { summary, description }] of Object.entries(responseExamples(id, Number(status)))) {
        expect(summary, key).toMatch(/^[A-Z]/);
        expect(description, key).toMatch(/^[A-Z`].*[.]$/s);
      }
    },
  );
}
