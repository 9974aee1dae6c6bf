import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A limit on processor time, like that of a small container. */
export interface Quota {
  /** Returns the command that runs the given one within the quota. */
  within(command: string, parameters: string[]): [string, string[]];
  /** Removes the quota. Call it after the processes have ended. */
  remove(): void;
}

const root = '/sys/fs/cgroup';

/** Period (µs): short, so that a process that has used up its share waits only a few milliseconds. */
const period = 10_000;

let made = 0;

/**
 * Creates a Linux control group (version 2, or else 1) that limits its processes to a share of a core.
 *
 * @param share such as 0.25
 * @returns undefined if this machine or user cannot create one
 */
export function quotaOf(share: number): Quota | undefined {
  made += 1;
  const isSecond = existsSync(join(root, 'cgroup.controllers'));
  const group = join(root, isSecond ? '' : 'cpu', `leads-bench-${process.pid}-${made}`);
  const quota = Math.round(share * period);
  try {
    mkdirSync(group);
    if (isSecond) writeFileSync(join(group, 'cpu.max'), `${quota} ${period}`);
    else {
      writeFileSync(join(group, 'cpu.cfs_period_us'), String(period));
      writeFileSync(join(group, 'cpu.cfs_quota_us'), String(quota));
    }
  } catch (error) {
    process.stderr.write(`This machine cannot limit processor time: ${error}\n`);
    return undefined;
  }
  return {
    within: (command, parameters) => [
      'sh',
      ['-c', `echo $$ > '${join(group, 'cgroup.procs')}' && exec "$0" "$@"`, command, ...parameters],
    ],
    remove: () => rmdirSync(group),
  };
}
