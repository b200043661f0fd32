/** Memory as a process of its own, without sockets: asked by messages, so that a test may kill it while it embeds. */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { openMemory } from '../../../services/memory/open.ts'
import { createLog } from '../../../services/runtime/log.ts'

const [folder = '', url = ''] = process.argv.slice(2)
mkdirSync(path.join(folder, 'db'), { recursive: true })
const { handlers, start } = openMemory({
  env: { EMBEDDINGS: 'ollama', OLLAMA_BASE_URL: url, OLLAMA_EMBED_MODEL: 'nomic-embed-text' },
  home: { db: path.join(folder, 'db') },
  log: createLog({ service: 'memory', level: 'warn' }),
  publish: { memory_changed: () => undefined },
  defer: () => undefined,
  settle_ms: 0,
  embedder: { look_every_ms: 50 },
})
start()
const signal = new AbortController().signal

process.on('message', ({ id, key }: { id: number; key: string }) => {
  const row = { key, content: `the content of ${key}`, category: 'general', bot_id: 'default' }
  handlers
    .create(row, { call_id: 'test', signal })
    .then(() => process.send?.({ id, ok: true }))
    .catch((error: Error) => process.send?.({ id, ok: false, problem: error.message }))
})
process.send?.('ready')
