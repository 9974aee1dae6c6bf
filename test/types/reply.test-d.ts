/**
 * Replies that openapi.yaml does not document do not compile. The compiler is the test: each `@ts-expect-error` below
 * states an error that it must find, and it reports one that does not occur. They suppress nothing in the program
 * itself.
 */
import { Reply } from '../../src/contract/reply.ts';
import type { Operation, OperationRequest } from '../../src/operations/operation.ts';

const add = Reply.of<'addLead'>();
const cancel = Reply.of<'cancelLead'>();

// Documented replies compile.
add(200, 'accepted', { saved: true, processed: true });
add(200, 'accepted', { saved: true, processed: false, error: 'Existing Contact' });
add(200, 'accepted', { test: 'ok' });
add(400, 'accepted', { email: { 0: 'Email cannot be blank.' } });
add(429, 'accepted', { error: 'Later.' }, { 'Retry-After': 1 });
add(200, 'accepted', { saved: true, processed: true }, { 'Lead-Id': '1', 'Lead-Due': '2' });
cancel(200, 'accepted', { cancelled: false, warning: 'not found' });

const withHeaders = Reply.withHeaders<'addLead'>();
withHeaders(200, 'accepted', { saved: true, processed: true })({ 'Lead-Id': '1', 'Lead-Due': '2' });
// @ts-expect-error A header that must come with the status is missing.
withHeaders(429, 'accepted', { error: 'Later.' })();
// @ts-expect-error A header that is undocumented for the status.
withHeaders(200, 'accepted', { saved: true, processed: true })({ 'Retry-After': 1 });

// @ts-expect-error An undocumented status.
add(201, 'accepted', { saved: true, processed: true });
// @ts-expect-error An undocumented outcome.
add(200, 'undocumented', { saved: true, processed: true });
// @ts-expect-error A body of another status.
add(200, 'accepted', { error: 'Unknown Type' });
// @ts-expect-error A missing member.
add(200, 'accepted', { saved: true });
// @ts-expect-error An undocumented member.
add(200, 'accepted', { saved: true, processed: true, id: '1' });
// @ts-expect-error A member that only another documented body has.
add(200, 'accepted', { saved: true, processed: true, error: 'Existing Contact' });
// @ts-expect-error A message that differs from the documented one only in case.
add(200, 'accepted', { saved: true, processed: false, error: 'existing contact' });
// @ts-expect-error A body of another operation.
cancel(200, 'accepted', { saved: true, processed: true });
// @ts-expect-error A header that must come with the status is missing.
add(429, 'accepted', { error: 'Later.' });
// @ts-expect-error A header that is undocumented for the status.
add(200, 'accepted', { saved: true, processed: true }, { 'Retry-After': 1 });

export const operations: Record<string, Operation<'addLead'>> = {
  documented: {
    run: async () => add(200, 'accepted', { saved: true, processed: true }),
    serverError: add(500, 'accepted', { saved: false, processed: false, error: 'Server Error' }),
  },
  bypassing: {
    // @ts-expect-error A reply that the builder did not make.
    run: async () => ({ status: 200, text: '{}', headers: {} }),
    serverError: add(500, 'accepted', { saved: false, processed: false, error: 'Server Error' }),
  },
  anothers: {
    // @ts-expect-error A reply of another operation.
    run: async () => cancel(200, 'accepted', { cancelled: true }),
    serverError: add(500, 'accepted', { saved: false, processed: false, error: 'Server Error' }),
  },
};

/** The members of a request that an operation may read. */
export function reading({ body }: OperationRequest<'addLead'>): unknown {
  // @ts-expect-error A field that is not documented.
  void body.delay;
  // @ts-expect-error A field of another type than documented.
  const surname: number = body.surname;
  return surname;
}
