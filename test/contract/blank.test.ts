/** Generated clients and the mock know the rule for blank fields from patterns alone: they must not contradict the server. */
import { expect, test } from 'vitest';
import { readContract } from '../../src/contract/document.ts';
import { isBlank } from '../../src/contract/plain.ts';

interface Field {
  type: string | string[];
  pattern?: string;
  format?: string;
}

// The cast: the lint holds the document to OpenAPI's shape.
const { components } = JSON.parse(readContract().json) as {
  components: { schemas: Record<string, { required?: string[]; properties: Record<string, Field> }> };
};

const invisible = [
  '\u0000',
  '\u007f',
  '\u0085',
  '\u00ad',
  '\u115f',
  '\u1160',
  '\u200b',
  '\u202e',
  '\u2060',
  '\u2800',
  '\u3164',
  '\ufeff',
  '\uffa0',
];

for (const name of ['NewLead', 'LeadToCancel', 'LeadToFind']) {
  const { required = [], properties } = components.schemas[name] ?? { properties: {} };

  test.each(Object.entries(properties).filter(([, { pattern }]) => pattern !== undefined))(
    `the pattern of ${name}.%s takes for blank only what the server takes for blank, and the usual of it`,
    (field, { pattern = '' }) => {
      const expression = new RegExp(pattern, 'u');
      const isRequired = required.includes(field);
      // A required field must not match if blank, an optional one must.
      const refusesBlank = (text: string) => expression.test(text) !== isRequired;
      for (const text of ['', ' ', ...invisible, invisible.join('')])
        expect(refusesBlank(text), JSON.stringify(text)).toBe(true);
      if (!/\\S|\[\^/.test(pattern)) return;
      for (let code = 0; code <= 0xffff; code += 1) {
        const text = String.fromCharCode(code);
        if (!expression.test(text) && !isBlank(text))
          expect.fail(`U+${code.toString(16)} is refused by the pattern alone.`);
      }
    },
  );
}
