/** Stands for the API's URL in openapi.yaml and in the files of the partners' page. */
const placeholder = 'https://leads.example';

/** `servers` of the contract for partners in YAML, up to the next member of the document. */
const yamlServers = /^servers:\n(?:[ -].*\n)+/m;

/**
 * Returns a file of the partners' page for tools with the URL at which partners reach the server.
 *
 * @param publicUrl without a slash at its end. Undefined: the file stays as it is.
 */
export function withPublicUrl(text: string, publicUrl: string | undefined): string {
  if (publicUrl === undefined) return text;
  return text.replaceAll(placeholder, publicUrl).replaceAll('](/', `](${publicUrl}/`);
}

/** Returns the contract in JSON with this URL as its only server. Undefined: the contract stays as it is. */
export function jsonWithServer(contract: string, publicUrl: string | undefined): string {
  if (publicUrl === undefined) return contract;
  return `${JSON.stringify({ ...JSON.parse(contract), servers: [server(publicUrl)] }, null, 2)}\n`;
}

/** Returns the contract in YAML with this URL as its only server. Undefined: the contract stays as it is. */
export function yamlWithServer(contract: string, publicUrl: string | undefined): string {
  if (publicUrl === undefined) return contract;
  const { url, description } = server(publicUrl);
  return contract.replace(yamlServers, () => `servers:\n  - url: ${url}\n    description: ${description}\n`);
}

function server(url: string): { url: string; description: string } {
  return { url, description: "The call centre's API." };
}
