import { Argument, Command } from 'commander';
import { normaliseSetting, type SettingName, settingNames } from '../app/settings.ts';
import type { SettingRecord } from '../store/settings.ts';
import { formatTime } from '../text/time.ts';
import { defineAction } from './action.ts';
import { wideOption } from './arguments.ts';
import type { CommandContext } from './context.ts';
import type { View } from './output.ts';

const settingMembers = {
  name: 'name of the environment variable',
  value: 'its value',
  set_at: 'when it was set (ISO 8601)',
};

const view: View<SettingRecord, keyof typeof settingMembers> = {
  columns: {
    NAME: ({ name }) => name,
    VALUE: ({ value }) => value,
    SET: ({ setAt }) => ({ time: setAt }),
  },
  json: ({ name, value, setAt }) => ({ name, value, set_at: formatTime(setAt) }),
};

/** `leads settings`: the settings that every server and command shares. */
export function settingsCommand(context: CommandContext): Command {
  return new Command('settings')
    .description('list and change the settings that all servers and commands share')
    .addCommand(listCommand(context))
    .addCommand(setCommand(context));
}

function listCommand(context: CommandContext): Command {
  const command = new Command('list')
    .description('list the settings, which the first server recorded from its environment')
    .addOption(wideOption());
  return defineAction(command, context, settingMembers, async ({ store, output }) => {
    await output.list(await store.settings(), view, 'No settings are recorded yet: no server has started.');
  });
}

function setCommand(context: CommandContext): Command {
  const command = new Command('set')
    .description('change a setting; then restart every server with the same value in its environment')
    .addArgument(new Argument('<name>', 'name of the environment variable').choices(settingNames))
    .argument('<value>', 'value, as in the environment variable');
  return defineAction(
    command,
    context,
    { name: 'name of the environment variable', value: 'its new value' },
    async ({ store, output }, _options: object, [name, text]: [SettingName, string]) => {
      const value = await normaliseSetting(name, text);
      await store.setSetting(name, value);
      await output.done(
        `Set ${name} to ${value}. Commands use it now. Restart every server with ${name}=${value}: until then, running servers use the old value.`,
        { name, value },
      );
    },
  );
}
