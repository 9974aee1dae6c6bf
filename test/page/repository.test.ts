/** How the partners' page describes getting the mock server and the sandbox. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { withRepository } from '../../docs/page/repository.ts';

const text = readFileSync(new URL('../../docs/mock.md', import.meta.url), 'utf8');

test('without a public repository, the guide says what to ask the call centre for', () => {
  expect(withRepository(text, undefined)).toBe(text);
  expect(text).toContain('Ask the call centre for a copy of this project');
});

test.each([
  ['https://git.example/leads.git', 'https://git.example/leads.git'],
  [{ url: 'git+https://git.example/leads.git' }, 'https://git.example/leads.git'],
  ['github:owner/leads', 'https://github.com/owner/leads'],
  ['owner/leads', 'https://github.com/owner/leads'],
])('with the repository %o, the guide says how to clone it', (repository, url) => {
  const shown = withRepository(text, repository);
  expect(shown).toContain(`git clone ${url} leads-api\ncd leads-api\n`);
  expect(shown).not.toContain('Ask the call centre for a copy');
  expect(shown).toContain('npm run sandbox');
});

test('a page on the mock that does not say how to get it is an error', () => {
  expect(() => withRepository('# Mock server\n', undefined)).toThrow('does not say how to get a copy');
});
