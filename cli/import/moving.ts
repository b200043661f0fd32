/**
 * The move, part by part. Messages, memories and jobs go through the services that own them, which check them and know a
 * repeat. Chats and archives are looked for and copied while everything runs, and become ours while sessions is stopped, since there
 * is no call for that (`sessions/store.ts`): a second or two, in which the others go on and callers of sessions wait.
 */
import { join } from 'node:path'
import { createClient } from '../../protocol/client.ts'
import type { ServiceName } from '../../protocol/contract.ts'
import { ServiceError } from '../../protocol/errors.ts'
import type { Link } from '../../protocol/method.ts'
import { type Lock, takeLock } from '../../services/runtime/lock.ts'
import type { Context } from '../command.ts'
import { withLink } from '../links.ts'
import { oursOf } from '../up.ts'
import { copyArchives, importArchives } from './archives.ts'
import { importJobs } from './jobs.ts'
import { importMemories } from './memories.ts'
import { importMessages } from './messages.ts'
import { type AdoptionPlaces, adoptChats, copyChats, discardCopies, lookForChats } from './sessions/adoption.ts'
import { openSessionRows, readSessions } from './sessions/store.ts'
import { importSettings } from './settings-file.ts'
import type { Source } from './source.ts'
import type { Predecessor } from './store.ts'
import type { Tally } from './tally.ts'

/** How long sessions may take to leave: what it has begun, and PM2's patience. */
const LEAVE_MS = 15_000

export interface Move {
  readonly source: Source
  readonly old: Predecessor
  readonly places: AdoptionPlaces
  /** The folder in which shell jobs run; absent: the user's own. */
  readonly jobs_cwd: string | undefined
}

/** What there is to take over; nothing is changed and nobody is asked. */
export const look = async ({ settings: { home, root } }: Pick<Context, 'settings'>, move: Move): Promise<Tally[]> => [
  await importSettings(move.source, { home, root }, true),
  await importMessages(move.old, null),
  await importMemories(move.old, null),
  await importJobs(move.old, { home, door: null, cwd: move.jobs_cwd }),
  (await lookForChats(move.old, move.places, readSessions(home))).tally,
  importArchives(move.source.archives_dir, join(home, 'archives'), new Map(), true),
]

/** How long a service may take to say that it is there. */
const PING_MS = 2_000

/** Calls to a service that is there; one that is not is told of at once, and not when the time of the first call is up. */
const reach = <T>(settings: Context['settings'], service: ServiceName, use: (call: Link) => Promise<T>): Promise<T> =>
  withLink(settings, service, async (call, link) => {
    await link.ping(PING_MS)
    return await use(call)
  })

const takeMessages = (settings: Context['settings'], { old }: Move): Promise<Tally> =>
  reach(settings, 'history', async (link) => {
    const history = createClient('history', link)
    return await importMessages(old, async (records) => (await history.record({ records })).stored)
  })

const takeMemories = (settings: Context['settings'], { old }: Move): Promise<Tally> =>
  reach(settings, 'memory', async (link) => {
    const memory = createClient('memory', link)
    return await importMemories(old, async (lines) => await memory.import({ lines }))
  })

const takeJobs = (settings: Context['settings'], { old, jobs_cwd }: Move): Promise<Tally> =>
  reach(settings, 'scheduler', async (link) => {
    const scheduler = createClient('scheduler', link)
    const door = {
      list: async () => await scheduler.list({ bot_id: '', next_runs: 0 }),
      create: async (job: Parameters<typeof scheduler.create>[0]) => (await scheduler.create(job)).id,
    }
    return await importJobs(old, { home: settings.home, door, cwd: jobs_cwd })
  })

const startAgain = async (pm2: Context['pm2']): Promise<void> => {
  const { code, output } = await pm2.startOrRestart('sessions')
  if (code !== 0)
    throw new Error(`sessions was stopped for a moment and does not start again: ${output.trim()}. Try: npm run restart`)
}

/** With these a person, or a terminal that is closed, ends a command. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Does something while sessions does not run, and has it run again afterwards, however that went: also when the command is to end
 * meanwhile, which the work hears of.
 */
export const withoutSessions = async <T>(
  { settings, pm2 }: Pick<Context, 'settings' | 'pm2'>,
  work: (stopped: AbortSignal) => Promise<T>,
): Promise<T> => {
  const running = oursOf(await pm2.list()).find(({ name }) => name === 'sessions')
  const stop = new AbortController()
  const onSignal = (): void =>
    stop.abort(new Error('It was broken off; sessions runs again. Import again: nothing is taken twice.'))
  // A second one ends at once; what is missing then, `up` starts.
  for (const signal of SIGNALS) process.once(signal, onSignal)
  try {
    if (running !== undefined) await pm2.remove([running.id])
    const lock = await takeLock({ run_dir: settings.run_dir, name: 'sessions', wait_ms: LEAVE_MS })
    try {
      stop.signal.throwIfAborted()
      return await work(stop.signal)
    } finally {
      lock.release()
    }
  } finally {
    try {
      if (running !== undefined) await startAgain(pm2)
    } finally {
      for (const signal of SIGNALS) process.off(signal, onSignal)
    }
  }
}

const takeChats = async (context: Context, { old, source, places }: Move): Promise<Tally[]> => {
  const { home, root } = context.settings
  const { tally, adoptions } = await lookForChats(old, places, readSessions(home))
  const ready = await copyChats(adoptions, places.claude_to, tally)
  try {
    const archives_dir = join(home, 'archives')
    const uncopied = await copyArchives(source.archives_dir, archives_dir)
    const tellArchives = (isDry: boolean): Tally => importArchives(source.archives_dir, archives_dir, uncopied, isDry)
    const archives = tellArchives(true)
    // Nobody is stopped for nothing.
    if (ready.length === 0 && archives.known + archives.refused.length === archives.found) return [tally, archives]
    return await withoutSessions(context, async () => {
      const rows = openSessionRows(home, root)
      try {
        adoptChats(ready, rows, tally)
        return [tally, tellArchives(false)]
      } finally {
        rows.close()
      }
    })
  } finally {
    discardCopies(ready)
  }
}

/** One import at a time: two would each make every job, having seen none of the other's. */
const takeImportLock = async ({ home, run_dir }: Context['settings']): Promise<Lock> => {
  try {
    return await takeLock({ run_dir, name: 'import', wait_ms: 0 })
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code !== 'conflict') throw error
    throw new Error(
      `Another import into ${home} is at work. Wait until it has ended; then import again: nothing is taken twice.`,
      {
        cause: error,
      },
    )
  }
}

/** Takes everything over. A second time it takes over what is new. Throws, with advice, where a service is not there. */
export const takeOver = async (context: Context, move: Move): Promise<Tally[]> => {
  const { settings } = context
  const lock = await takeImportLock(settings)
  try {
    const messages = await takeMessages(settings, move)
    const memories = await takeMemories(settings, move)
    const jobs = await takeJobs(settings, move)
    const chats = await takeChats(context, move)
    const known = await importSettings(move.source, { home: settings.home, root: settings.root }, false)
    return [known, messages, memories, jobs, ...chats]
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code !== 'unavailable') throw error
    throw new Error(
      `Switchboard is not running (${error.message}). Start it first: npm start. Then import again; nothing is taken twice.`,
      {
        cause: error,
      },
    )
  } finally {
    lock.release()
  }
}
