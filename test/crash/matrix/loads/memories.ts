/** Memories, written one after the other as fast as they are taken, and searched. What was acknowledged has to be there, once. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ask, type Begin, Findings, type Load } from './load.ts'

const PAUSE_MS = 20
/** A matrix never comes to the last one. */
const KEYS = 1_000_000
const SEARCH_EVERY = 10

interface Kept {
  readonly key: string
  readonly content: string
}

/** @param pace between two, and after how many the first is written over */
export const memoriesOf =
  ({ pause_ms = PAUSE_MS, keys = KEYS }: { readonly pause_ms?: number; readonly keys?: number } = {}): Begin =>
  async ({ house }, name): Promise<Load> => {
    const bot_id = `bot-${name}`
    const acknowledged = new Map<string, string>()
    const problems: string[] = []
    let isEnding = false
    const writing = (async () => {
      for (let n = 0; !isEnding; n += 1) {
        const body = { key: `${name}-${n % keys}`, content: `the colour of door ${n} is number ${n * 7}`, bot_id }
        try {
          await ask(house.url, '/api/memory/by-key', { method: 'PUT', body })
          acknowledged.set(body.key, body.content)
          if (n % SEARCH_EVERY === 0) await ask(house.url, `/api/memory/search?q=door&bot_id=${bot_id}`)
        } catch (error) {
          problems.push(`${body.key}: ${(error as Error).message}`)
        }
        await sleep(pause_ms)
      }
    })()
    return {
      more: () => undefined,
      end: async () => {
        isEnding = true
        await writing
      },
      count: async () => {
        const found = new Findings()
        found.add('lost', problems.length, `${name}: refused: ${problems.slice(0, 3).join('; ')}`)
        const kept = await ask<Kept[]>(house.url, `/api/memory?bot_id=${bot_id}`)
        const contents = new Map(kept.map(({ key, content }) => [key, content]))
        found.add('doubled', kept.length - contents.size, `${name}: a key is there twice`)
        const gone = [...acknowledged].filter(([key, content]) => contents.get(key) !== content)
        found.add('lost', gone.length, `${name}: acknowledged and gone: ${gone.map(([key]) => key).slice(0, 5)}`)
        return found.faults
      },
    }
  }
