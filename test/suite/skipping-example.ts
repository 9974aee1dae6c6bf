import { describe, test } from 'vitest';
import { skipWithout } from '../harness/process.ts';

const missing = ['no-such-program', '--version'];

test('needs a program', (context) => skipWithout(context, missing));
test('needs the same program', (context) => skipWithout(context, missing));
describe('a group', { skip: true, meta: { needs: 'another-program' } }, () => {
  test('needs the program of its group', () => {});
});
// Run by suite.test.ts alone, which expects the reason in the summary.
test('is skipped for another reason', (context) => context.skip('It is Sunday.'));
