import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A share of a core that processes cannot exceed, as of a small container. */
export interface Quota {
  /** The command that runs this one within the quota. */
  within(command: string, parameters: string[]): [string, string[]];
  /** To be called once the processes have ended. */
  remove(): void;
}

const root = '/sys/fs/cgroup';

/** In microseconds: short, so that whoever has used up a share waits for some milliseconds only. */
const period = 10_000;

let made = 0;

/**
 * Makes a control group of Linux (version 2, or else 1) that has a share of a core.
 *
 * @param share such as 0.25
 * @returns undefined where this machine or this user may not do so
 */
export function quotaOf(share: number): Quota | undefined {
  made += 1;
  const isSecond = existsSync(join(root, 'cgroup.controllers'));
  const group = join(root, isSecond ? '' : 'cpu', `leads-bench-${process.pid}-${made}`);
  const most = Math.round(share * period);
  try {
    mkdirSync(group);
    if (isSecond) writeFileSync(join(group, 'cpu.max'), `${most} ${period}`);
    else {
      writeFileSync(join(group, 'cpu.cfs_period_us'), String(period));
      writeFileSync(join(group, 'cpu.cfs_quota_us'), String(most));
    }
  } catch (error) {
    process.stderr.write(`No share of a core can be set here: ${error}\n`);
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
