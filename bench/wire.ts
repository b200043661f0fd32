/** A call that crosses the wire to a real service and back, against a bare Dealer and Router that carry the same. */
import { join } from 'node:path'
import { Packr } from 'msgpackr'
import { Dealer } from 'zeromq'
import { createClient } from '../protocol/client.ts'
import { openLink } from '../protocol/wire/link.ts'
import type { Bench } from './bench.ts'
import { openHouse } from './house.ts'
import { startProgram } from './program.ts'
import { atMost, toRow } from './row.ts'
import { interleave, median, quantile } from './statistics.ts'

const CALLS = 2_000
const AT_ONCE = 64

/** What one round has found: the time of single calls, and calls a second with many under way. */
interface Round {
  readonly single_ms: readonly number[]
  readonly rate: number
}

const measure = async (call: () => Promise<unknown>): Promise<Round> => {
  const single_ms: number[] = []
  for (let done = 0; done < CALLS; done += 1) {
    const began = performance.now()
    await call()
    single_ms.push(performance.now() - began)
  }
  let left = CALLS * 4
  const began = performance.now()
  const worker = async (): Promise<void> => {
    for (; left > 0; left -= 1) await call()
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return { single_ms, rate: (CALLS * 4_000) / (performance.now() - began) }
}

export const wire: Bench = {
  summary: 'A call of the contract over the wire',
  run: async ({ rounds, scope }) => {
    const house = await openHouse(scope)
    const link = openLink({ run_dir: house.context.settings.run_dir, service: 'sessions' })
    scope.after(() => link.close())
    const sessions = createClient('sessions', link.call)
    const status = await sessions.status({}, { timeout_ms: 10_000 })

    const address = `ipc://${join(scope.folder(), 'echo.sock')}`
    await startProgram(scope, 'bare-router', [address, JSON.stringify(status)]).next()
    const packr = new Packr({ useRecords: false })
    const dealer = new Dealer()
    dealer.connect(address)
    scope.after(() => dealer.close())
    const open = new Map<number, (value: unknown) => void>()
    let id = 0
    const listen = async (): Promise<void> => {
      for await (const [bytes] of dealer) {
        const [, answered, value] = packr.unpack(bytes as Buffer) as [string, number, unknown]
        open.get(answered)?.(value)
        open.delete(answered)
      }
    }
    const listening = listen()
    listening.catch(() => undefined)
    // A second send while one is pending throws: even the barest use needs a line.
    let sent: Promise<void> = Promise.resolve()
    const bare = (): Promise<unknown> =>
      new Promise((resolve, reject) => {
        id += 1
        open.set(id, resolve)
        const bytes = packr.pack(['call', id, 'sessions.status', {}])
        sent = sent.then(() => dealer.send(bytes))
        sent.catch(reject)
      })

    const sides = { ours: () => measure(() => sessions.status({})), bare: () => measure(bare) }
    for (const side of Object.values(sides)) await side()
    const { ours, bare: yard } = await interleave(rounds, sides)
    const n = CALLS * rounds
    const p = (found: readonly Round[], share: number): number[] =>
      found.map(({ single_ms }) => quantile(single_ms, share) * 1_000)
    const ratio = ours.map(({ single_ms }, round) => median(single_ms) / median(yard[round]?.single_ms ?? []))
    return [
      toRow({ what: 'sessions.status, p50 ÷ bare Dealer/Router', unit: '', rounds: ratio, n, goal: atMost(1.5) }),
      toRow({ what: 'sessions.status, p50', unit: 'µs', rounds: p(ours, 0.5), n }),
      toRow({ what: 'sessions.status, p99', unit: 'µs', rounds: p(ours, 0.99), n }),
      toRow({ what: 'bare Dealer/Router, p50', unit: 'µs', rounds: p(yard, 0.5), n, note: 'yardstick' }),
      toRow({ what: 'bare Dealer/Router, p99', unit: 'µs', rounds: p(yard, 0.99), n, note: 'yardstick' }),
      toRow({ what: `sessions.status, ${AT_ONCE} at once`, unit: 'calls/s', rounds: ours.map(({ rate }) => rate), n: n * 4 }),
      toRow({
        what: `bare Dealer/Router, ${AT_ONCE} at once`,
        unit: 'calls/s',
        rounds: yard.map(({ rate }) => rate),
        n: n * 4,
        note: 'yardstick',
      }),
    ]
  },
}
