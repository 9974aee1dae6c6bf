import { Option } from 'commander';

/** Value of an option that switches something on or off. */
export type OnOrOff = 'on' | 'off';

/** Returns the option `--withdraw` of the commands that add or change a lead type. */
export function withdrawOption(): Option {
  return new Option(
    '--withdraw <state>',
    'whether cancelling a lead that the dialler has withdraws it from the dialler',
  ).choices(['on', 'off'] satisfies OnOrOff[]);
}
