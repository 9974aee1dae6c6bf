/** The page's files for tools: the guide as Markdown, llms.txt and a Postman collection. */
import { keyPlaceholder, urlPlaceholder } from './code-samples.ts';
import { type Contract, type Operation, operationsOf } from './contract.ts';
import { asMarkdown, tableFor } from './contract-tables.ts';
import { samplesOf } from './markdown.ts';

/** Returns the guide as plain Markdown: with the generated tables, and with samples for curl. */
export function guideAsMarkdown(title: string, guide: string, operations: readonly Operation[]): string {
  const text = guide
    .replace(/^<!-- contact -->\n\n/m, '')
    .replace(/^<!-- (.+) -->$/gm, (_comment, name: string) => asMarkdown(tableFor(name, operations)))
    .replace(
      /^```(request|retry) (\w+)\n([\s\S]*?)^```$/gm,
      (_block, kind: string, id: string, body: string) => {
        const [sample] = samplesOf(kind, id, body, operations);
        return `\`\`\`sh\n${sample?.source}\`\`\``;
      },
    )
    .replace(/^```response$/gm, '```json');
  return `# ${title}\n\n${text.replace(/^(#+) /gm, '#$1 ')}`;
}

/** Returns llms.txt (llmstxt.org): what the API is, and where its documentation is. */
export function llmsText({ info }: Contract, operations: readonly Operation[]): string {
  const lines = operations.map(
    ({ path, summary, description }) => `- \`POST ${path}\`: ${summary}. ${description.split('\n')[0]}`,
  );
  return `# ${info.title}

> ${info.summary} ${info.description}

Send JSON to the paths below ${urlPlaceholder} with the headers \`Authorization: Bearer ${keyPlaceholder}\` and
\`Content-Type: application/json\`. Status 200 means that the request was valid; the body reports the outcome. To retry safely, send the same \`Idempotency-Key\` again.

${lines.join('\n')}

## Documentation

- [Guide](/docs/guide.md): quick start, authentication, testing, outcomes, errors, rate limits, retries
- [Contract](/openapi.yaml): OpenAPI 3.1 with an example of every response
- [Contract as JSON](/openapi.json): the same
- [Postman collection](/docs/postman.json): one request for each operation
`;
}

/** Returns a Postman collection (format 2.1) with a request for each request example. */
export function postmanCollection(contract: Contract): unknown {
  const { title, description } = contract.info;
  return {
    info: {
      name: title,
      description,
      schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json',
    },
    auth: { type: 'bearer', bearer: [{ key: 'token', value: '{{key}}', type: 'string' }] },
    variable: [
      { key: 'url', value: urlPlaceholder },
      { key: 'key', value: keyPlaceholder },
    ],
    item: operationsOf(contract).map(({ path, summary, description: text, requestBody }) => ({
      name: summary,
      description: text,
      item: Object.values(requestBody.content['application/json'].examples).map((example) => ({
        name: example.summary,
        request: {
          method: 'POST',
          header: [{ key: 'Content-Type', value: 'application/json' }],
          url: { raw: `{{url}}${path}`, host: ['{{url}}'], path: path.slice(1).split('/') },
          body: {
            mode: 'raw',
            raw: JSON.stringify(example.value, null, 2),
            options: { raw: { language: 'json' } },
          },
        },
      })),
    })),
  };
}
