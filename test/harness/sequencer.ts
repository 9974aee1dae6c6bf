import { createHash } from 'node:crypto';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take longest, mostly waiting, in the order in which they start: others run meanwhile. */
const slowest = [
  'delivery/vicidial/table-locks',
  'deploy/image',
  'page/guide-in-browser',
  'page/reference-in-browser',
  'package',
  'mock/mock',
  'proof/disk',
  'store/postgres/pgbouncer',
  'store/store',
  'delivery/burst',
  'delivery/screening',
  'delivery/withdrawals',
  'delivery/crash',
  'cli/person',
  'page/guide',
  'server/any-body',
].map((name) => `/test/${name}.test.ts`);

/**
 * Starts the slowest files first, and the others in random order. The files of a project follow one another, because a
 * worker that files share ends as soon as the next file in the queue is not one of them.
 */
export default class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { seed } = this.ctx.config.sequence;
    const place = ({ moduleId, project }: TestSpecification) => [
      project.name,
      String(slowest.findIndex((file) => moduleId.endsWith(file)) >>> 0).padStart(10, '0'),
      createHash('sha1').update(`${seed} ${moduleId}`).digest('hex'),
    ];
    const places = new Map(files.map((file) => [file, place(file).join(' ')]));
    return files.toSorted((one, other) => ((places.get(one) ?? '') < (places.get(other) ?? '') ? -1 : 1));
  }
}
