/** `/api/health` on 32 connections, against the least that uWebSockets.js and node:http can do. */
import type { Bench } from './bench.ts'
import { openHouse } from './house.ts'
import { cpuMs } from './processor.ts'
import { startProgram } from './program.ts'
import type { LoadReport } from './programs/load-main.ts'
import { atLeast, toRow } from './row.ts'
import { interleave } from './statistics.ts'

const CONNECTIONS = 32
const ROUND_MS = 2_000
const PATH = '/api/health'

export const health: Bench = {
  summary: `${PATH} on ${CONNECTIONS} connections`,
  run: async ({ rounds, scope }) => {
    const house = await openHouse(scope)
    const hellos = { uws: startProgram(scope, 'uws-hello'), node: startProgram(scope, 'node-hello') }
    const sides = {
      ours: { port: house.port, pid: await house.pidOf('edge') },
      uws: { port: await hellos.uws.next<number>(), pid: hellos.uws.pid },
      node: { port: await hellos.node.next<number>(), pid: hellos.node.pid },
    }
    const measure = async ({ port, pid }: { port: number; pid: number }, ms = ROUND_MS) => {
      const before = cpuMs(pid)
      const client = startProgram(scope, 'load', [port, PATH, CONNECTIONS, ms].map(String))
      const report = await client.next<LoadReport>()
      const cpu_us = ((cpuMs(pid) - before) * 1_000) / report.answers
      return { ...report, rate: (report.answers * 1_000) / report.ms, cpu_us }
    }
    for (const side of Object.values(sides)) await measure(side, ROUND_MS / 2)
    const found = await interleave(rounds, {
      ours: () => measure(sides.ours),
      uws: () => measure(sides.uws),
      node: () => measure(sides.node),
    })
    const n = found.ours.reduce((sum, { answers }) => sum + answers, 0)
    const rates = (side: keyof typeof found): number[] => found[side].map(({ rate }) => rate)
    const ratio = (side: 'uws' | 'node'): number[] => found.ours.map(({ rate }, round) => rate / (found[side][round]?.rate ?? 0))
    const rows = [
      toRow({ what: `${PATH} ÷ bare uWebSockets hello`, unit: '', rounds: ratio('uws'), n, goal: atLeast(0.8) }),
      toRow({ what: `${PATH} ÷ node:http hello`, unit: '', rounds: ratio('node'), n }),
      toRow({ what: `${PATH}`, unit: 'requests/s', rounds: rates('ours'), n }),
      toRow({ what: 'bare uWebSockets hello', unit: 'requests/s', rounds: rates('uws'), n, note: 'yardstick' }),
      toRow({ what: 'node:http hello', unit: 'requests/s', rounds: rates('node'), n, note: 'yardstick' }),
      toRow({ what: `${PATH}, p50`, unit: 'ms', rounds: found.ours.map(({ p50_ms }) => p50_ms), n }),
      toRow({ what: `${PATH}, p99`, unit: 'ms', rounds: found.ours.map(({ p99_ms }) => p99_ms), n }),
    ]
    // The client uses a processor, too: what a request costs the server is told apart from it.
    for (const [side, what] of [
      ['ours', PATH],
      ['uws', 'bare uWebSockets hello'],
    ] as const) {
      rows.push(
        toRow({
          what: `${what}, server's processor time`,
          unit: 'µs/request',
          rounds: found[side].map(({ cpu_us }) => cpu_us),
          n,
        }),
      )
    }
    return rows
  },
}
