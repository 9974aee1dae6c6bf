/** The server must send every response in openapi.yaml, and each message must help partners. */
import { expect, test } from 'vitest';
import { operationIds, operationOf, requestExamples, responseExamples } from '../harness/contract.ts';
import { documentedResponses, missingResponses } from '../harness/contract-coverage.ts';

const complete = documentedResponses();

// The reporter in contract-coverage.ts applies this check to each run of the suite; test/suite tests the reporter.
test('reports each documented response that no test received, or that differed from its example', () => {
  expect(missingResponses(complete)).toEqual([]);
  for (const [index, { id, status, key, json }] of complete.entries()) {
    const name = `${id} ${status} ${key}`;
    const others = complete.toSpliced(index, 1);
    expect(missingResponses(others)).toEqual([name]);
    expect(missingResponses([...others, { id, key, status: 418, json }])).toEqual([name]);
    expect(missingResponses([...others, { id, key, status, json: { ...Object(json), more: 1 } }])).toEqual([
      name,
    ]);
  }
  expect(complete.length).toBeGreaterThan(90);
});

test('each value of Lead-Outcome has an example, and each example has one of its values', () => {
  const headers = operationIds()
    .flatMap((id) => Object.values(operationOf(id).responses))
    .map(({ headers }) => headers);
  const documented = headers.map((each) => Object(each['Lead-Outcome']?.schema).enum);
  const outcomes = complete.map(({ id, status, key }) => responseExamples(id, status)[key]?.['x-outcome']);
  for (const values of documented) expect(values.toSorted()).toEqual([...new Set(outcomes)].toSorted());
});

for (const id of operationIds()) {
  const { responses } = operationOf(id);

  test(`each request example of ${id} has the key of its response`, () => {
    const keys = Object.keys(responses).flatMap((status) =>
      Object.keys(responseExamples(id, Number(status))),
    );
    expect(keys).toEqual(expect.arrayContaining(Object.keys(requestExamples(id))));
    expect(new Set(keys).size).toBe(keys.length);
  });

  test.each(Object.keys(responses))(
    `every example of ${id} %s has a summary and a description in sentences`,
    (status) => {
      for (const [key, { summary, description }] of Object.entries(responseExamples(id, Number(status)))) {
        expect(summary, key).toMatch(/^[A-Z]/);
        expect(description, key).toMatch(/^[A-Z`].*[.]$/s);
      }
    },
  );
}
