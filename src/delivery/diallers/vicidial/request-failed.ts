import type { DeliveryResult } from '../../dialler.ts';

/** A request ended without a response of VICIdial's API, or with an error that concerns every lead. */
export class RequestFailed extends Error {
  override readonly name = 'RequestFailed';
  readonly result: DeliveryResult;
  /** What VICIdial's script printed before it ended with an error (HTTP 500); it may contain personal data. */
  readonly printed: string;

  constructor(result: DeliveryResult, printed = '') {
    super(result.response);
    this.result = result;
    this.printed = printed;
  }
}
