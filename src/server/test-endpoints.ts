import type { OperationId } from '../contract/reply.ts';
import type { DailyQuotas } from '../operations/add-lead.ts';
import type { Store } from '../store/store.ts';
import { StoreUnavailable } from '../store/store-unavailable.ts';
import type { RejectionCounter } from './rejections.ts';
import type { BoundOperation } from './request-pipeline.ts';

/** What requests with test keys use in place of what live requests use. */
export interface OpenTestData {
  store: Store;
  dailyQuotas: DailyQuotas;
  rejections: Pick<RejectionCounter, 'count'>;
}

/** The test data of a deployment, which are opened for the first request with a test key. */
export interface TestData {
  /** Returns the open test data, the same until their store is lost or replaced. @throws {StoreUnavailable} if they cannot be used */
  open(): Promise<OpenTestData>;
}

/**
 * Returns a function that returns an operation for requests with test keys. Everything it needs is created for the
 * first of them: most servers never receive one.
 *
 * @param testData undefined: there are none
 * @param bind creates the operations for a store
 */
export function testEndpoints(
  testData: TestData | undefined,
  bind: (opened: OpenTestData) => ReadonlyMap<OperationId, BoundOperation>,
): (id: OperationId) => Promise<BoundOperation> {
  let bound: { opened: OpenTestData; operations: ReadonlyMap<OperationId, BoundOperation> } | undefined;
  return async (id) => {
    if (testData === undefined) throw new StoreUnavailable('This server has no store of test data.');
    const opened = await testData.open();
    if (bound?.opened !== opened) bound = { opened, operations: bind(opened) };
    const operation = bound.operations.get(id);
    if (operation === undefined) throw new Error(`The operation ${id} is not bound to the test data.`);
    return operation;
  };
}
