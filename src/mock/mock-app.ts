import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import type { Contract, ContractOperation } from '../contract/contract.ts';
import { type OperationId, Reply } from '../contract/reply.ts';
import { type RowReader, resultText, rowReaders } from '../contract/rows.ts';
import { readTestNumbers } from '../contract/test-numbers.ts';
import { type Validate, validators } from '../contract/validation.ts';
import { phoneParsers } from '../leads/phone.ts';
import { requestedTime } from '../leads/submission.ts';
import { parseTestNumber, withTestNumbers } from '../leads/test-numbers.ts';
import { keyOf } from '../server/authenticate.ts';
import { addressReader } from '../server/client-address.ts';
import { addPublicRoutes } from '../server/public-routes.ts';
import { readRequest } from '../server/read-request.ts';
import { unauthorized } from '../server/refusals.ts';
import type { NodeContext } from '../server/request-pipeline.ts';
import { newRequestId, respond, serviceFailure } from '../server/respond.ts';
import { refuseUnknownPaths } from '../server/unknown-path.ts';
import { LimitedLog } from '../telemetry/limited-log.ts';
import type { Log } from '../telemetry/log.ts';
import { type ResponseExample, requestBody, responseExamples } from './examples.ts';
import { fetchExample } from './prism.ts';
import { isSelected, readSelection, type Selection, select, withoutSelection } from './selection.ts';

const reply = Reply.of<OperationId>();

/**
 * Creates the mock. It refuses requests as the server does, in the same order, and responds to valid ones with an
 * example from Prism. Prism alone would not report which field is invalid, and has its own messages and headers.
 *
 * @param prismUrl returns the URL of a Prism that serves the same contract, once it is running
 */
export function mockApp(
  contract: Contract,
  prismUrl: () => Promise<string>,
  log: Log,
): Hono<{ Bindings: HttpBindings }> {
  const failureLog = new LimitedLog(log);
  const app = new Hono<{ Bindings: HttpBindings }>();
  // Every key counts as a test key, so that the samples of the page work.
  const validatorOf = validators(contract, withTestNumbers(phoneParsers('GB')));
  for (const operation of contract.operations) {
    const validate = validatorOf(operation);
    const newReader = rowReaderOf(operation, contract, validatorOf);
    const handler = operationHandler(contract, operation, validate, newReader, prismUrl, failureLog);
    app.on(operation.method, operation.path, handler);
  }
  addPublicRoutes(app, contract, { readAddress: addressReader([]), readiness: { isReady: true } });
  refuseUnknownPaths(app);
  app.onError((error) => serviceFailure(error, failureLog));
  return app;
}

function operationHandler(
  contract: Contract,
  operation: ContractOperation,
  validate: Validate,
  newReader: (() => RowReader) | undefined,
  prismUrl: () => Promise<string>,
  failureLog: LimitedLog,
): (context: NodeContext) => Promise<Response> {
  const examples = responseExamples(contract, operation);
  const validBody = requestBody(contract, operation);
  const unknownExample = reply(404, 'path-not-found', { error: unknownExampleMessage(examples) });
  return async ({ env: { incoming }, req }) => {
    const receivedAt = Date.now();
    const query = req.queries();
    // Every key is valid, but no key is blank.
    const key = keyOf({ incoming, query }, operation.credentials);
    if (key === undefined || key.trim() === '') return refuse(unauthorized, examples);

    const content = await readRequest({ incoming, query: withoutSelection(query) }, operation, validate);
    if ('refusal' in content) return refuse(content.refusal, examples);

    const selection = readSelection(query, req.header('Prefer'));
    const example = exampleFor(selection, operation.id, content.body, examples);
    if (example === undefined) return respond(unknownExample);
    try {
      const body = await fetchExample(await prismUrl(), operation, example, validBody);
      if (isSelected(selection)) return exampleResponse(example, body);
      const own =
        newReader === undefined ? body : rowResults(rowsIn(content.body, operation), newReader(), body);
      return exampleResponse(withDueTime(example, content.body, receivedAt), own);
    } catch (error) {
      failureLog.write('error', { err: error, operation: operation.id }, 'A request failed.');
      return serverError(examples);
    }
  };
}

/** Returns the example that a client asks for, or that fits its request. Undefined: there is none. */
function exampleFor(
  selection: Selection,
  id: string,
  body: object,
  examples: readonly ResponseExample[],
): ResponseExample | undefined {
  if (isSelected(selection)) return select(examples, selection);
  return exampleOfBody(id, body, examples) ?? examples[0];
}

/** Returns the example that depends only on the fields of a valid request. Undefined: the first one fits it. */
function exampleOfBody(
  id: string,
  body: object,
  examples: readonly ResponseExample[],
): ResponseExample | undefined {
  if (id === 'leadReport') return exampleWith(examples, 'by', ('by' in body && body.by) || 'day');
  if (id === 'leadEvents') {
    const isLast = 'after' in body && exampleWith(examples.slice(0, 1), 'next', body.after) !== undefined;
    return isLast ? examples.find(({ name }) => name === 'no-events') : undefined;
  }
  if ('test' in body && body.test === true) return examples.find(({ name }) => name === 'test');
  return exampleOfNumber(body, examples);
}

/** Returns the first example whose body has a member with this value. */
function exampleWith(
  examples: readonly ResponseExample[],
  name: string,
  value: unknown,
): ResponseExample | undefined {
  return examples.find((example) => JSON.parse(example.body)[name] === value);
}

/** Returns the example of the outcome that a test number always has. Undefined: it has none, or adds no lead. */
function exampleOfNumber(body: object, examples: readonly ResponseExample[]): ResponseExample | undefined {
  const mobile = 'mobile' in body ? parseTestNumber(String(body.mobile)) : undefined;
  const { outcome } = (mobile === undefined ? undefined : testNumbers.of(mobile)) ?? {};
  return examples.find((example) => example.status === '200' && example.outcome === outcome);
}

const testNumbers = readTestNumbers();

/** Returns a factory of readers of an operation's rows, which are requests to add a lead. Undefined: it has none. */
function rowReaderOf(
  operation: ContractOperation,
  { operations }: Contract,
  validatorOf: (operation: ContractOperation) => Validate,
): (() => RowReader) | undefined {
  const ofRow = operations.find(({ id }) => id === 'addLead');
  if (operation.rows === undefined || ofRow === undefined) return undefined;
  return rowReaders(operation, ofRow, validatorOf(ofRow));
}

const testPassed = Reply.of<'addLead'>()(200, 'test', { test: 'ok' });

function rowsIn(body: object, { rows }: ContractOperation): readonly unknown[] {
  // The cast: the field with the rows passed the schema of an array.
  return (body as Record<string, unknown[]>)[rows?.name ?? ''] ?? [];
}

/**
 * Returns the body of the response to a request with rows. A valid row has one of the results of the example, and any
 * other row its own.
 */
function rowResults(sent: readonly unknown[], reader: RowReader, example: string): string {
  const { results }: { results: object[] } = JSON.parse(example);
  const rows = sent.map((row, index) => {
    const read = reader.read(row);
    if ('refusal' in read) return resultText(read.ref, read.refusal);
    if ('test' in read.body && read.body.test === true) return resultText(read.ref, testPassed);
    return JSON.stringify({ ...results[index % results.length], ref: read.ref });
  });
  return `{"results":[${rows.join(',')}]}`;
}

/** Returns an example with the `Lead-Due` that the server would send, if the example has that header. */
function withDueTime(example: ResponseExample, body: object, receivedAt: number): ResponseExample {
  if (!('Lead-Due' in example.headers)) return example;
  const delays = 'delays' in body ? Number(body.delays) : 0;
  const callAt = 'call_at' in body ? Date.parse(String(body.call_at)) : undefined;
  const due = new Date(requestedTime({ receivedAt, delays, callAt }, receivedAt)).toISOString();
  return { ...example, headers: { ...example.headers, 'Lead-Due': due } };
}

/** @param body that of the example, as Prism serves it */
function exampleResponse({ status, headers }: ResponseExample, body: string): Response {
  return new Response(body, {
    status: Number(status),
    headers: { ...headers, 'Request-Id': newRequestId() },
  });
}

/** Returns the operation's documented response to a failure. It comes from the contract, because Prism has failed. */
function serverError(examples: readonly ResponseExample[]): Response {
  const example = examples.find(({ outcome }) => outcome === 'server-error');
  if (example === undefined) throw new Error('The contract documents no server error of this operation.');
  return exampleResponse(example, example.body);
}

/** Returns the response to an invalid request, with the headers of the examples of its outcome. */
function refuse(refusal: Reply, examples: readonly ResponseExample[]): Response {
  const example = examples.find(({ outcome }) => outcome === refusal.outcome);
  return respond(refusal, newRequestId(), example?.headers);
}

function unknownExampleMessage(examples: readonly ResponseExample[]): string {
  const byStatus = Map.groupBy(examples, ({ status }) => status);
  const groups = [...byStatus].map(
    ([status, group]) => `${status} ${group.map(({ name }) => name).join(', ')}`,
  );
  return `This operation has no response with this status and name. It has: ${groups.join('; ')}.`;
}
