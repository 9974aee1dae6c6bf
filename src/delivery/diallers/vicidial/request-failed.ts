import type { DeliveryResult } from '../../dialler.ts';

/** A request ended without a response of VICIdial's API, or with an error that concerns every lead. */
export class RequestFailed extends Error {
  override readonly name = 'RequestFailed';
  readonly result: DeliveryResult;

  constructor(result: DeliveryResult) {
    super(result.response);
    this.result = result;
  }
}
