/** A client that reads a long answer a little at a time: it must slow down nobody else, and in the end have all of it. */
import { type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Findings, type Load } from '../crash/matrix/loads/load.ts'
import type { Surroundings } from '../crash/matrix/surroundings.ts'
import { compare } from '../crash/run/tally.ts'

const TOKENS = 4_000
/** It reads a piece, and rests. */
const REST_MS = 1_000

interface StreamEvent {
  readonly type: string
  readonly content: string
}

const post = (url: string, body: object): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    request(`${url}/api/gateway/send-stream`, { method: 'POST', headers: { 'content-type': 'application/json' } }, resolve)
      .on('error', reject)
      .end(JSON.stringify(body))
  })

/** What a body of server-sent events says: all that was to be appended, and the whole answer of its end; null without one. */
const readBody = (body: string): { readonly text: string; readonly done: string | null } => {
  const events = [...body.matchAll(/^data: (\{.*\})$/gm)].map(([, json = '']) => JSON.parse(json) as StreamEvent)
  return {
    text: events.flatMap(({ type, content }) => (type === 'text' ? content : [])).join(''),
    done: events.find(({ type }) => type === 'done')?.content ?? null,
  }
}

/**
 * Adds what a stream lacks of an answer, or has twice. The end holds the whole answer once more and is looked at apart: by it
 * alone nobody would notice that no word was ever streamed.
 */
export const addFaults = (found: Findings, label: string, body: string, answer: string): void => {
  const { text, done } = readBody(body)
  const wordsOf = (said: string): string[] => said.split(' ').filter(Boolean)
  const { missing, surplus } = compare(wordsOf(answer), wordsOf(text))
  found.add('lost', missing, `${label}: words that the slow client was not sent, ${text.length} characters came`)
  found.add('doubled', surplus, `${label}: words that the slow client was sent twice, or that are not its own`)
  const isOrdered = missing + surplus > 0 || text === answer
  found.add('lost', isOrdered ? 0 : 1, `${label}: the slow client was sent the words in another order`)
  found.add('lost', done === answer ? 0 : 1, `${label}: the slow client had no whole end of its answer`)
}

export const slowClient = ({ house }: Surroundings, name: string): Load => {
  const found = new Findings()
  let isEnding = false
  const readOne = async (n: number): Promise<void> => {
    const label = `${name}s${n}`
    const response = await post(house.url, { chat_id: `${name}slow`, message: `{{label=${label} tokens=${TOKENS}}} go` })
    const parts: Buffer[] = []
    for await (const part of response) {
      parts.push(part as Buffer)
      if (!isEnding) await sleep(REST_MS)
    }
    const answer = [label, ...Array.from({ length: TOKENS }, (_, index) => `t${index}`)].join(' ')
    addFaults(found, label, Buffer.concat(parts).toString('utf8'), answer)
  }
  const reading = (async () => {
    for (let n = 0; !isEnding; n += 1) {
      try {
        await readOne(n)
      } catch (error) {
        found.add('lost', 1, `${name}: the slow client: ${(error as Error).message}`)
        await sleep(1_000)
      }
    }
  })()
  return {
    more: () => undefined,
    end: async () => {
      isEnding = true
      await reading
    },
    count: async () => found.faults,
  }
}
