import { readSync, writeSync } from 'node:fs';

/**
 * When SQLite moves rows within a page, their old bytes remain in the page's unallocated space, even with
 * `secure_delete`, and can still be read after the rows are deleted. This file implements as much of the file format
 * (sqlite.org/fileformat2.html) as is necessary to overwrite that space, which SQLite never reads.
 */

/** Offset of the lock bytes, whose page contains no data (section 1.5). */
const lockBytes = 0x4000_0000;

/** Sizes of the header of a B-tree page, by its type (section 1.6). */
const headerSizes: Readonly<Record<number, number>> = { 2: 12, 5: 12, 10: 8, 13: 8 };

/** Types of B-tree pages in a pointer map: root and other pages (section 1.8). */
const btreeTypes = [1, 5];
const mapEntry = 5;

/** Layout of a file's pages (bytes). */
interface Layout {
  pageSize: number;
  usableSize: number;
}

/** Reads the layout from the file header. */
function layoutOf(descriptor: number): Layout {
  const header = Buffer.alloc(100);
  readSync(descriptor, header, 0, header.length, 0);
  const written = header.readUInt16BE(16);
  const pageSize = written === 1 ? 0x1_0000 : written;
  return { pageSize, usableSize: pageSize - header.readUInt8(20) };
}

/**
 * Overwrites the unallocated space of B-tree pages with zeros. The caller holds the write lock, and the file contains
 * everything that was in the log.
 *
 * @param descriptor of a file with pointer maps (`auto_vacuum`), opened for writing
 * @param first number of the first page, starting at 1
 * @param count maximum number of pages
 * @returns the number of pages read; fewer than `count` at the end of the file
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

/**
 * Returns the bounds of the unallocated space between a page's cell pointers and its cells; empty if it is not a B-tree
 * page.
 */
function unallocated(page: Buffer, usableSize: number): [from: number, to: number] {
  const headerSize = headerSizes[page.readUInt8(0)];
  if (headerSize === undefined) return [0, 0];
  const from = headerSize + 2 * page.readUInt16BE(3);
  const to = page.readUInt16BE(5) || 0x1_0000;
  return to <= usableSize ? [from, to] : [0, 0];
}

/** Returns a test for B-tree pages, based on the pointer maps. It excludes page 1, which contains the schema. */
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
