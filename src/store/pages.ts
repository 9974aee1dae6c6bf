/** Number of rows read at a time. */
const pageSize = 500;

/**
 * Reads a list in pages, so that neither memory nor a read transaction of the store is held while whoever reads the
 * list stalls. Rows that change between two pages are listed as they are when their page is read.
 *
 * @param limit maximum number of rows
 * @param read returns the next rows, up to `size`, of those after `last` in the order of the list (undefined: the first)
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
