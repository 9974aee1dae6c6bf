/** Whatever is added to openapi.yaml must come with behaviour, and with words that help a partner. */
import { expect, test } from 'vitest';
import { operationIds, operationOf, requestExamples, responseExamples } from '../harness/contract.ts';
import { notProduced, type Produced } from '../harness/contract-coverage.ts';

/** What a run receives that misses nothing. */
const complete: Produced[] = operationIds().flatMap((id) =>
  Object.keys(operationOf(id).responses).flatMap((status) =>
    Object.entries(responseExamples(id, Number(status))).map(([key, { value }]) => ({
      id,
      key,
      status: Number(status),
      json: value,
    })),
  ),
);

// The reporter in contract-coverage.ts holds each run of the suite to this.
test('a response that no test has received is missed, and so is one that was another', () => {
  expect(notProduced(complete)).toEqual([]);
  for (const [index, { id, status, key, json }] of complete.entries()) {
    const name = `${id} ${status} ${key}`;
    const others = complete.toSpliced(index, 1);
    expect(notProduced(others)).toEqual([name]);
    expect(notProduced([...others, { id, key, status: 418, json }])).toEqual([name]);
    expect(notProduced([...others, { id, key, status, json: { ...Object(json), more: 1 } }])).toEqual([name]);
  }
  expect(complete.length).toBeGreaterThan(90);
});

for (const id of operationIds()) {
  const { responses } = operationOf(id);

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
