/** A client that reads a long answer a little at a time: it must slow down nobody else, and in the end have all of it. */
import { type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Findings, type Load } from '../crash/matrix/loads/load.ts'
import type { Surroundings } from '../crash/matrix/surroundings.ts'

const TOKENS = 4_000
/** It reads a piece, and rests. */
const REST_MS = 1_000

const post = (url: string, body: object): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    request(`${url}/api/gateway/send-stream`, { method: 'POST', headers: { 'content-type': 'application/json' } }, resolve)
      .on('error', reject)
      .end(JSON.stringify(body))
  })

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
    const isDone = Buffer.concat(parts)
      .toString('utf8')
      .includes(`t${TOKENS - 1}`)
    found.add('lost', isDone ? 0 : 1, `${label}: the slow client had no end of its answer`)
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
