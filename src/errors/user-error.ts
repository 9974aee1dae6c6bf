/**
 * An error that the operator can correct, such as the name of a partner that does not exist. The message states what
 * happened, to what, and what to do. The CLI prints it without a stack trace.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
}
