import { Option } from 'commander';
import { onOrOff } from './on-or-off.ts';

/** Returns the option `--withdraw` of the commands that add or change a lead type. */
export function withdrawOption(): Option {
  return new Option(
    '--withdraw <state>',
    'whether cancelling a lead that the dialler has withdraws it from the dialler',
  ).choices(onOrOff);
}
