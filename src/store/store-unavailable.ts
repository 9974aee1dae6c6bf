/**
 * The store cannot accept a call, or does not know whether a write was committed. A response must not claim that
 * nothing was saved; the partner repeats the request.
 */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}
