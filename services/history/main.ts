import path from 'node:path'
import { BaseEnv } from '../runtime/env.ts'
import { packageRoot } from '../runtime/package-root.ts'
import { run } from '../runtime/run.ts'
import { closeDatabase, openDatabase } from '../runtime/sqlite.ts'
import { createHistory } from './service.ts'
import { openStore } from './store.ts'

await run({
  name: 'history',
  env: BaseEnv,
  open: ({ home, log, publish, defer }) => {
    const db = openDatabase({
      path: path.join(home.db, 'history.db'),
      migrations_dir: path.join(packageRoot(import.meta.url), 'services/history/migrations'),
      synchronous: 'FULL',
      log,
    })
    defer('database', () => closeDatabase(db))
    return { handlers: createHistory({ store: openStore(db), publish }) }
  },
})
