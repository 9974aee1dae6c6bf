/**
 * A request by the operator that cannot be fulfilled, such as a partner that does not exist. The message is for the
 * operator: what happened, to what, and what to do next. The CLI prints it without a stack trace.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
}
