/** The search worker: takes orders one after the other, and reads new vectors in between. */
import type { MessagePort } from 'node:worker_threads'
import type { Answer, Order } from '../searcher.ts'
import { createFinder } from './finder.ts'
import { openReader } from './reader.ts'
import { openStore } from './store.ts'

/** Answers on `port` until told to close. */
export const serveSearches = (port: MessagePort, database: string): void => {
  const db = openReader(database)
  const finder = createFinder(openStore(db))
  let reading = false

  /** A part at a time, so that a search need not wait until a million vectors are read. */
  const readOn = (): void => {
    reading = false
    if (db.open && !finder.catchUp()) later()
  }
  const later = (): void => {
    if (reading) return
    reading = true
    setImmediate(readOn)
  }

  port.on('message', (order: Order) => {
    if (order.kind === 'close') {
      db.close()
      port.close()
      return
    }
    if (order.kind === 'catch_up') {
      finder.use(order.model)
      return later()
    }
    try {
      port.postMessage({ result: finder.find(order.search) } satisfies Answer)
    } catch (error) {
      port.postMessage({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) } satisfies Answer)
    }
    later()
  })
}
