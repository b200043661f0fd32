/** Puts the parts of memory together. */
import { join } from 'node:path'
import type { memory } from '../../protocol/memory.ts'
import type { Publisher } from '../../protocol/method.ts'
import type { Home } from '../runtime/home.ts'
import type { Log } from '../runtime/log.ts'
import { packageRoot } from '../runtime/package-root.ts'
import { openRetrieval } from '../runtime/retrieval/retrieval.ts'
import { closeDatabase, openDatabase } from '../runtime/sqlite.ts'
import { Embedder, type EmbedderOptions } from './embedder/embedder.ts'
import { createMemory } from './service.ts'
import type { Settings } from './settings.ts'
import { openStore } from './store.ts'

export interface OpenMemoryDeps {
  readonly env: Pick<Settings, 'EMBEDDINGS' | 'OLLAMA_BASE_URL' | 'OLLAMA_EMBED_MODEL'>
  readonly home: Pick<Home, 'db'>
  readonly log: Log
  readonly publish: Publisher<typeof memory>
  readonly defer: (name: string, release: () => void | Promise<void>) => void
  /** How long it must be silent before embedding begins; for tests. */
  readonly settle_ms?: number
  /** Shorter times, for tests. */
  readonly embedder?: Partial<Pick<EmbedderOptions, 'patience' | 'look_every_ms' | 'look_timeout_ms' | 'now'>>
}

/** Handlers that may be called, with the way to begin embedding. Releases are given to `defer`. */
export const openMemory = ({ env, home, log, publish, defer, settle_ms, embedder: times = {} }: OpenMemoryDeps) => {
  const migrations_dir = join(packageRoot(import.meta.url), 'services/memory/migrations')
  // What a bot was told that it is kept must outlast a power cut.
  const db = openDatabase({ path: join(home.db, 'memory.db'), migrations_dir, synchronous: 'FULL', log })
  defer('database', () => closeDatabase(db))
  const store = openStore(db)
  const embedder = new Embedder({
    mode: env.EMBEDDINGS,
    base_url: env.OLLAMA_BASE_URL,
    model: env.OLLAMA_EMBED_MODEL,
    store,
    log,
    onDecision: () => void takeUp(),
    ...times,
  })
  defer('embedder', () => embedder.close())
  const retrieval = openRetrieval({ db, embed: embedder.embed, log, settle_ms })
  defer('retrieval', () => retrieval.close())
  /** Retrieval learns of another model when a search or a new text asks it; what is there already shall not wait for that. */
  const takeUp = async (): Promise<void> => {
    const { total, model } = retrieval.status()
    if (total === 0 || model === embedder.status().model) return
    await retrieval
      .search({ query: 'hello', limit: 1 })
      .catch((error: unknown) => log.debug({ err: error }, 'The next search takes up the model'))
  }
  const start = (): void => {
    embedder.start()
    retrieval.start()
    void takeUp()
  }
  return { handlers: createMemory({ store, retrieval, embedder, publish, log }), start }
}
