/** The memory that an idle Switchboard takes. */
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bench } from './bench.ts'
import { openHouse } from './house.ts'
import { pssMb } from './processor.ts'
import { atMost, toRow } from './row.ts'

/** What start-up has left behind is collected by then. */
const SETTLE_MS = 4_000
/** The first three are what a chat needs. */
const SERVICES = ['edge', 'sessions', 'history', 'scheduler', 'memory', 'metrics', 'reports'] as const
const SPINE = 3

export const memory: Bench = {
  summary: 'Memory of the services when nothing is asked of them',
  run: async ({ rounds, scope }) => {
    const house = await openHouse(scope)
    const bare = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1e6)'], { stdio: 'ignore' })
    scope.after(() => bare.kill('SIGKILL'))
    const found: { sizes: number[]; pm2: number; bare: number }[] = []
    for (let round = 0; round < rounds; round += 1) {
      if (round > 0) await house.context.pm2.startOrRestart()
      await sleep(SETTLE_MS)
      const apps = await house.context.pm2.list()
      const sizes = SERVICES.map((service) => pssMb(apps.find(({ name }) => name === service)?.pid ?? 0))
      found.push({ sizes, pm2: pssMb(house.context.pm2.daemonPid() ?? 0), bare: pssMb(bare.pid ?? 0) })
    }
    const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0)
    const [n, unit] = [rounds, 'MB']
    return [
      toRow({
        what: 'PSS of edge, sessions and history, idle',
        unit,
        rounds: found.map(({ sizes }) => sum(sizes.slice(0, SPINE))),
        n,
        goal: atMost(130),
      }),
      toRow({
        what: 'PSS of all seven services, idle',
        unit,
        rounds: found.map(({ sizes }) => sum(sizes)),
        n,
        goal: atMost(300),
      }),
      ...SERVICES.map((service, index) =>
        toRow({ what: `PSS of ${service}, idle`, unit, rounds: found.map(({ sizes }) => sizes[index] ?? Number.NaN), n }),
      ),
      toRow({ what: "PSS of PM2's daemon", unit, rounds: found.map(({ pm2 }) => pm2), n }),
      toRow({
        what: 'PSS of a Node.js process that does nothing',
        unit,
        rounds: found.map(({ bare: size }) => size),
        n,
        note: 'yardstick',
      }),
    ]
  },
}
