/** Numbers of days that VICIdial supports. It accepts others and misinterprets them: 45 means for ever, 31 one day. */
const duplicateDays = [1, 2, 3, 7, 14, 15, 21, 28, 30, 60, 90, 180, 360];

/** Describes the values of add_lead's `duplicate_check`. */
export const duplicateCheckForm = `DUPLIST, DUPCAMP or DUPSYS, optionally with a number of days that VICIdial knows (${duplicateDays.join(', ')}), such as DUPLIST90DAY`;

/** Returns whether a value of `duplicate_check` means to VICIdial what it says. */
export function isDuplicateCheck(value: unknown): value is string {
  const [, days] = /^DUP(?:LIST|CAMP|SYS)(?:(\d+)DAY)?$/.exec(String(value)) ?? [];
  return (
    typeof value === 'string' &&
    (/^DUP(LIST|CAMP|SYS)$/.test(value) || duplicateDays.some((each) => String(each) === days))
  );
}
