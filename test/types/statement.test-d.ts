/** `statement` demands the boolean columns of its rows, and a change gets rows of that type. */
import { type Change, run } from '../../src/store/sql/database.ts';
import { statement } from '../../src/store/sql/statement.ts';

interface Row {
  id: number;
  isActive: boolean;
}

const complete = statement<Row>('complete', 'SELECT id, "isActive" FROM t', { isActive: true });

// @ts-expect-error: a boolean column is missing
statement<Row>('incomplete', 'SELECT id, "isActive" FROM t');

// @ts-expect-error: the column is not boolean
statement<{ id: number }>('wrong', 'SELECT id FROM t', { id: true });

export function* change(): Change<void> {
  const [row] = yield* run(complete);
  row?.isActive satisfies boolean | undefined;
  // @ts-expect-error: the row has no such column
  row?.name;
}
