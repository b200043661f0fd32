/** History in one piece: its database, its search, its handlers. */
import path from 'node:path'
import type { history } from '../../protocol/history.ts'
import type { Handlers, Publisher } from '../../protocol/method.ts'
import type { Log } from '../runtime/log.ts'
import { packageRoot } from '../runtime/package-root.ts'
import { type Embed, openRetrieval } from '../runtime/retrieval/retrieval.ts'
import { closeDatabase, openDatabase } from '../runtime/sqlite.ts'
import { Backlog } from './backlog.ts'
import { createHistory } from './service.ts'
import { openStore } from './store.ts'

export interface HistoryOptions {
  /** The folder of the database. */
  readonly folder: string
  readonly embed: Embed
  readonly log: Log
  /** How long it must be silent before embedding begins; for tests. */
  readonly settle_ms?: number
  readonly publish: Publisher<typeof history>
  /** What to let go of at the end, last given first. */
  defer(name: string, release: () => void | Promise<void>): void
}

/** Opens history; `start` begins what goes on in the background. */
export const openHistory = ({ folder, embed, log, settle_ms, publish, defer }: HistoryOptions) => {
  const db = openDatabase({
    path: path.join(folder, 'history.db'),
    migrations_dir: path.join(packageRoot(import.meta.url), 'services/history/migrations'),
    synchronous: 'FULL',
    log,
  })
  defer('database', () => closeDatabase(db))
  const retrieval = openRetrieval({ db, embed, log, settle_ms })
  defer('search', () => retrieval.close())
  const store = openStore(db, ({ id, session_id, bot_id, role, content, created_at }) =>
    retrieval.put(id, content, { bot_id, scope: session_id, role, created_at }),
  )
  const backlog = new Backlog({ store, log })
  defer('backlog', () => backlog.close())
  const handlers: Handlers<typeof history> = createHistory({ store, retrieval, backlog: () => backlog.left, publish })
  return {
    handlers,
    start: (): void => {
      backlog.start()
      retrieval.start()
    },
  }
}
