/** `switchboard import`: from mini-claude-bot to here, as often as you like. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseEnv, readEnvironment } from '../services/runtime/env.ts'
import { readArguments } from './arguments.ts'
import type { Command } from './command.ts'
import { DoctorEnv } from './doctor/settings.ts'
import { findOnPath } from './doctor/surroundings.ts'
import { look, type Move, takeOver } from './import/moving.ts'
import { findSource, isSamePlace } from './import/source.ts'
import { openPredecessor } from './import/store.ts'
import { tallyLines } from './import/tally.ts'

const read = (args: readonly string[]) => {
  const place = { type: 'string' } as const
  const options = { 'dry-run': { type: 'boolean' }, sessions: place, archives: place, claude: place, cwd: place } as const
  return readArguments(args, options, 1)
}

export const importFrom: Command = {
  summary: 'Move in from mini-claude-bot: messages, memories, jobs, chats; nothing of it is changed',
  usage: 'PATH [--dry-run]',
  run: async (context) => {
    const { settings, print } = context
    const { words, values: said } = read(context.args)
    const [path] = words
    const isDry = said['dry-run'] === true
    if (path === undefined) {
      print('Name the folder of mini-claude-bot, or its database: npx switchboard import PATH --dry-run')
      return 2
    }
    const environment = readEnvironment({ environment: process.env })
    const env = parseEnv(DoctorEnv, { environment: process.env })
    const user_home = environment.HOME ?? homedir()
    const source = findSource(path, user_home, { sessions: said.sessions, archives: said.archives })
    const old = openPredecessor(source.database)
    try {
      const claude = environment.CLAUDE_CONFIG_DIR ?? join(user_home, '.claude')
      const isDemo = env.CLAUDE_BIN === 'demo' || (env.CLAUDE_BIN ?? findOnPath(environment.PATH ?? '', 'claude')) === null
      const places = {
        from: source.sessions_dir,
        to: env.GATEWAY_SESSION_DIR,
        claude_from: said.claude ?? claude,
        claude_to: isDemo ? join(settings.home, 'demo') : claude,
      }
      const move: Move = { source, old, places, jobs_cwd: said.cwd }
      print(`${source.database}, version ${old.versions.at(-1) ?? 0} of its schema; chats in ${source.sessions_dir}`)
      const tallies = isDry ? await look(context, move) : await takeOver(context, move)
      for (const tally of tallies) for (const line of tallyLines(tally, isDry)) print(line)
      const runs = old.count('cron_job_runs')
      if (runs > 0) print(`past runs of jobs: ${runs}, which stay where they are`)
      print('')
      if (isDry) print('Nothing was changed. Do it: the same without --dry-run')
      else {
        const shared = isSamePlace(places.from, places.to) ? ', and both would write into one conversation' : ''
        print(`Stop mini-claude-bot before you use both: its jobs would run twice${shared}.`)
      }
      return 0
    } finally {
      old.close()
    }
  },
}
