/** `switchboard restart`: new code and settings, while the agents go on speaking. */
import { readArguments } from './arguments.ts'
import type { Command } from './command.ts'
import { bringUp, oursOf } from './up.ts'

export const restart: Command = {
  summary: 'Restart every service, or one; answers that are being written go on',
  usage: '[service]',
  run: async (context) => {
    const { args, settings, pm2, print } = context
    const [name] = readArguments(args, {}, 1).words
    if (name !== undefined && !settings.services.includes(name)) {
      print(`There is no service "${name}". There are: ${settings.services.join(', ')}`)
      return 2
    }
    const ours = oursOf(await pm2.list())
    if (ours.length === 0) {
      print('Switchboard is not running. Start it with: npm start')
      return 1
    }
    return await bringUp(context, ours, name)
  },
}
