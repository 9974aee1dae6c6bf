/** Number of rows per page. */
const pageSize = 500;

/**
 * Reads a list in pages, so that a slow reader of the list holds neither memory nor a read transaction. Rows that
 * change between two pages are listed as they are when their page is read.
 *
 * @param limit maximum number of rows
 * @param read returns the next rows, up to `size`, of those after `last` in the order of the list (undefined: the
 *   first)
 */
export async function* inPages<Row>(
  limit: number,
  read: (last: Row | undefined, size: number) => readonly Row[] | Promise<readonly Row[]>,
): AsyncGenerator<Row> {
  let last: Row | undefined;
  for (let left = limit; left > 0; left -= pageSize) {
    const size = Math.min(left, pageSize);
    const rows = await read(last, size);
    yield* rows;
    if (rows.length < size) return;
    last = rows.at(-1);
  }
}
