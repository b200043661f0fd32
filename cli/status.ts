/** `switchboard status`: what runs, since when, how large, and whether it answers. */
import type { Command } from './command.ts'
import { readHealth, unreachable } from './edge.ts'
import type { App } from './pm2.ts'
import { agentLines } from './summary.ts'
import { formatSize, formatSpan, formatTable } from './table.ts'
import { oursOf } from './up.ts'

const HEADING = ['service', 'state', 'pid', 'up', 'restarts', 'memory', 'limit']

const rowOf = (app: App): string[] => [
  app.name,
  app.status,
  app.pid > 0 ? String(app.pid) : '-',
  app.status === 'online' ? formatSpan(Date.now() - app.started_at) : '-',
  String(app.restarts),
  app.pid > 0 ? formatSize(app.memory_bytes) : '-',
  app.memory_limit_bytes === null ? '-' : formatSize(app.memory_limit_bytes),
]

export const status: Command = {
  summary: 'Show what runs and whether it answers; exit code 1 when it does not',
  opensHome: false,
  run: async ({ settings, pm2, print }) => {
    const ours = oursOf(await pm2.list())
    if (ours.length === 0) {
      print('Switchboard is not running. Start it with: npm start')
      return 1
    }
    for (const line of formatTable([HEADING, ...ours.map(rowOf)])) print(line)
    print('')
    const health = await readHealth(settings.url, settings.token)
    if (!health) {
      print(`It does not answer on ${settings.url}. See why: npm run logs`)
      return 1
    }
    const down = unreachable(health)
    if (down.length > 0) {
      print(`The edge answers on ${settings.url}, and does not reach: ${down.join(', ')}. See why: npm run logs`)
      return 1
    }
    const chats = health.active_sessions === 1 ? '1 session' : `${health.active_sessions} sessions`
    print(`Listening on ${settings.url} with ${chats}. ${agentLines(health).join(' ')}`)
    return ours.every((app) => app.status === 'online') ? 0 : 1
  },
}
