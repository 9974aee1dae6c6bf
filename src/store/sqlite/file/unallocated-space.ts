import { readSync, writeSync } from 'node:fs';

/**
 * Where SQLite moves rows within a page, it leaves their bytes in the page's unallocated space, also with
 * `secure_delete`; a row that is removed later is then still readable there. These functions know as much of the file
 * format (sqlite.org/fileformat2.html) as it takes to overwrite that space, which SQLite itself never reads.
 */

/** The page that holds the lock bytes is not used (section 1.5). */
const lockBytes = 0x4000_0000;

/** Sizes of the header of a B-tree page, by its type (section 1.6). */
const headerSizes: Readonly<Record<number, number>> = { 2: 12, 5: 12, 10: 8, 13: 8 };

/** What a pointer map says of a B-tree page: a root, or another one (section 1.8). */
const btreeTypes = [1, 5];
const mapEntry = 5;

/** How the pages of a file are laid out. */
interface Layout {
  pageSize: number;
  usableSize: number;
}

/** Reads the layout from the header of the file. */
function layoutOf(descriptor: number): Layout {
  const header = Buffer.alloc(100);
  readSync(descriptor, header, 0, header.length, 0);
  const written = header.readUInt16BE(16);
  const pageSize = written === 1 ? 0x1_0000 : written;
  return { pageSize, usableSize: pageSize - header.readUInt8(20) };
}

/**
 * Overwrites the unallocated space of B-tree pages with zeros. The caller holds the store's write lock, and everything in
 * the log has been carried over to the file.
 *
 * @param descriptor of a file with pointer maps (`auto_vacuum`), opened for writing
 * @param first number of the first page; the first of a file is 1
 * @returns how many pages there were up to the end of the file
 */
export function overwriteUnallocatedSpace(descriptor: number, first: number, count: number): number {
  const { pageSize, usableSize } = layoutOf(descriptor);
  const pages = Buffer.alloc(count * pageSize);
  const start = (first - 1) * pageSize;
  const read = Math.floor(readSync(descriptor, pages, 0, pages.length, start) / pageSize);
  const zeros = Buffer.alloc(pageSize);
  const isBtree = btreePages(descriptor, { pageSize, usableSize });
  for (let index = 0; index < read; index += 1) {
    if (!isBtree(first + index)) continue;
    const page = pages.subarray(index * pageSize, (index + 1) * pageSize);
    const [from, to] = unallocated(page, usableSize);
    const size = to - from;
    if (size <= 0 || page.subarray(from, to).equals(zeros.subarray(0, size))) continue;
    writeSync(descriptor, zeros, 0, size, start + index * pageSize + from);
  }
  return read;
}

/** The unallocated space between a page's cell pointers and its cells; nothing for what is no B-tree page. */
function unallocated(page: Buffer, usableSize: number): [from: number, to: number] {
  const headerSize = headerSizes[page.readUInt8(0)];
  if (headerSize === undefined) return [0, 0];
  const from = headerSize + 2 * page.readUInt16BE(3);
  const to = page.readUInt16BE(5) || 0x1_0000;
  return to <= usableSize ? [from, to] : [0, 0];
}

/** Tells B-tree pages from others by the file's pointer maps. The first page, which holds the schema, is left alone. */
function btreePages(descriptor: number, { pageSize, usableSize }: Layout): (page: number) => boolean {
  const lockPage = lockBytes / pageSize + 1;
  const perMap = Math.floor(usableSize / mapEntry) + 1;
  const map = Buffer.alloc(pageSize);
  let known = 0;
  return (page) => {
    if (page < 2 || page === lockPage) return false;
    let mapPage = Math.floor((page - 2) / perMap) * perMap + 2;
    if (mapPage === lockPage) mapPage += 1;
    if (page <= mapPage) return false;
    if (mapPage !== known) readSync(descriptor, map, 0, pageSize, (mapPage - 1) * pageSize);
    known = mapPage;
    return btreeTypes.includes(map.readUInt8((page - mapPage - 1) * mapEntry));
  };
}
