/** The command `switchboard`, compiled; `switchboard.mjs` installs, builds and calls it. */
import { openHome } from '../services/runtime/home.ts'
import { readArguments, UsageError } from './arguments.ts'
import { commands, helpLines } from './commands.ts'
import { openPm2 } from './pm2.ts'
import { readSettings } from './settings.ts'

const print = (line: string): void => console.log(line)

/** Runs one command. Resolves with the exit code: 0 done, 1 failed, 2 not understood. */
export const main = async (argv: readonly string[], source: NodeJS.ProcessEnv): Promise<number> => {
  const [name = 'help', ...args] = argv
  // Anywhere in the line: whoever asks what `down` does must not be answered by its doing it.
  if (name === 'help' || argv.includes('--help') || argv.includes('-h')) {
    helpLines().forEach(print)
    return 0
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!command) {
    print(`There is no command "${name}".`)
    helpLines().forEach(print)
    return 2
  }
  try {
    if (command.usage === undefined) readArguments(args, {})
    const settings = readSettings(source)
    if (command.opensHome !== false) openHome(settings.home)
    const pm2 = openPm2({ home: settings.pm2_home, root: settings.root, env: source, extra: settings.ecosystem })
    return await command.run({ args, settings, pm2, print })
  } catch (error) {
    print((error as Error).message)
    if (!(error instanceof UsageError)) return 1
    print(`Usage: npx switchboard ${name} ${command.usage ?? ''}`.trimEnd())
    return 2
  }
}
