/**
 * The sessions service broken on purpose, so that the run shows that it would notice: a message is acknowledged before its
 * turn is committed. The commit comes late, and a kill meanwhile takes back what the caller was told.
 */
import Database from 'better-sqlite3'
import { run } from '../../../services/runtime/run.ts'
import { openSessions } from '../../../services/sessions/open.ts'
import { Settings } from '../../../services/sessions/settings.ts'
import { lieInAmbush } from './ambush.ts'

const LATE_MS = 3_000

let sessionsDb: Database.Database | undefined
const { pragma } = Database.prototype
Database.prototype.pragma = function (this: Database.Database, source: string, options?: Database.PragmaOptions) {
  if (this.name.endsWith('sessions.db') && !this.readonly) sessionsDb = this
  // Cannot be changed within the transaction that is held open here, and says nothing about acknowledging.
  return this.inTransaction && source.startsWith('synchronous') ? [] : pragma.call(this, source, options)
}

const commitLate = (db: Database.Database): void => {
  if (db.inTransaction) return
  db.exec('BEGIN')
  setTimeout(() => db.open && db.exec('COMMIT'), LATE_MS)
}

await run({
  name: 'sessions',
  env: Settings,
  open: async ({ env, environment, home, log, client, publish, defer }) => {
    const at = lieInAmbush(process.env.CRASH_RUN ?? '')
    const opened = await openSessions({
      env,
      environment,
      home,
      log,
      history: client('history'),
      memory: client('memory'),
      publish,
      defer,
      at,
    })
    const { send } = opened.handlers
    const sendEarly: typeof send = (input, call) => {
      if (sessionsDb) commitLate(sessionsDb)
      return send(input, call)
    }
    return { ...opened, handlers: { ...opened.handlers, send: sendEarly } }
  },
})
