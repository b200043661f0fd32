/** `switchboard logs` and `switchboard monit`: PM2's own views of our processes. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from './command.ts'

const LINES = 50

export const logs: Command = {
  summary: 'Follow the logs of all services or of one (other arguments go to `pm2 logs`)',
  usage: '[service] [--lines N] [--nostream]',
  opensHome: false,
  run: async ({ args, settings, pm2, print }) => {
    if (pm2.daemonPid() !== null) return await pm2.show(['logs', ...args])
    print('Switchboard is not running; these are its last words.')
    for (const name of settings.services.filter((service) => args.length === 0 || args.includes(service))) {
      const path = join(settings.logs_dir, `${name}.log`)
      const lines = existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n').slice(-LINES) : []
      print(`== ${path}`)
      for (const line of lines) print(line)
    }
    return 0
  },
}

export const monit: Command = {
  summary: "Open PM2's console on our processes",
  opensHome: false,
  run: async ({ pm2, print }) => {
    if (pm2.daemonPid() !== null) return await pm2.show(['monit'])
    print('Switchboard is not running. Start it with: npm start')
    return 1
  },
}
