/** What the dialler can report about a call. The values are those of `CallResult` in openapi.yaml. */
export const callResults = [
  'answered',
  'no-answer',
  'busy',
  'machine',
  'wrong-number',
  'not-interested',
  'converted',
  'callback',
  'do-not-call',
] as const;

/** Result of a call. `do-not-call`: the person objected, which enters the number in the do-not-call list. */
export type CallResult = (typeof callResults)[number];

/** The result of each code of a dialler. A code that is missing has none. */
export type ResultCodes = ReadonlyMap<string, CallResult>;

/** The system statuses of VICIdial that state a result. Others, such as `DROP` and `ERI`, say nothing about the person. */
const vicidialStatuses: Readonly<Record<CallResult, readonly string[]>> = {
  answered: ['XFER', 'PU', 'NP', 'RQXFER'],
  'no-answer': ['NA', 'N', 'CPDNA'],
  busy: ['B', 'AB', 'CPDB'],
  machine: ['A', 'AA', 'AM', 'AL', 'AFAX', 'PM'],
  'wrong-number': ['DC', 'ADC', 'CPDINV', 'CPDSV'],
  'not-interested': ['NI', 'DEC'],
  converted: ['SALE'],
  callback: ['CALLBK', 'CBHOLD'],
  'do-not-call': ['DNC', 'DNCL', 'DNCC'],
};

/** The codes with a result unless an operator configures others: the results themselves, and VICIdial's statuses. */
export const defaultResultCodes: ResultCodes = new Map(
  callResults.flatMap((result) =>
    [result, ...vicidialStatuses[result]].map((code) => [code, result] as const),
  ),
);

/** Returns whether a text is the name of a result. */
export function isCallResult(text: unknown): text is CallResult {
  return callResults.some((result) => result === text);
}
