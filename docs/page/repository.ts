/** How a partner gets the project, which contains the mock server and the sandbox. */

/** `repository` of package.json. Undefined: the project has no public repository. */
export type Repository = string | { url: string } | undefined;

/** The paragraph of docs/mock.md that is true without a public repository. */
const paragraph = /^Ask the call centre for a copy of this project[^\n]*(?:\n[^\n]+)*\n/m;

/**
 * Returns docs/mock.md with the command that clones the repository, if there is one, instead of what to ask the call
 * centre for.
 *
 * @throws if the paragraph to replace is missing
 */
export function withRepository(text: string, repository: Repository): string {
  if (!paragraph.test(text)) throw new Error('docs/mock.md does not say how to get a copy of the project.');
  if (repository === undefined) return text;
  const url = cloneUrl(typeof repository === 'string' ? repository : repository.url);
  return text.replace(
    paragraph,
    () => `Get a copy of this project:\n\n\`\`\`\ngit clone ${url} leads-api\ncd leads-api\n\`\`\`\n`,
  );
}

/**
 * Returns the URL of a repository that Git accepts: npm also writes `git+https://...`, `github:owner/name` and
 * `owner/name`.
 */
function cloneUrl(url: string): string {
  const [, path] = /^(?:github:)?([\w.-]+\/[\w.-]+)$/.exec(url) ?? [];
  return path === undefined ? url.replace(/^git\+/, '') : `https://github.com/${path}`;
}
