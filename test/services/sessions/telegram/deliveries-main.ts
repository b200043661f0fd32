/**
 * Deliveries as a process of their own, to be killed by a test. It takes up what the last life left, takes in what its plan
 * holds, and says `done` when nothing is pending. `ARM` names a point and how often it is passed before the process kills itself there.
 */
import { readFileSync } from 'node:fs'
import { openDeliveryHouse } from './rig.ts'

const { HOUSE = '', BASE = '', PLAN = '', ARM = '', TOKEN: token } = process.env
const [armed, passes = '1'] = ARM.split(':')
let left = Number(passes)

const at = (point: string): void => {
  if (point === armed && --left <= 0) process.kill(process.pid, 'SIGKILL')
}

const house = openDeliveryHouse({
  folder: HOUSE,
  base: BASE,
  deadline_ms: 2_000,
  at,
  onEnd: () => tellWhenDone(),
  onLog: (line) => void process.stdout.write(line),
})

const plan = JSON.parse(readFileSync(PLAN, 'utf8')) as { id: string; chat: string; text: string }[]

const tellWhenDone = (): void => {
  if (house.deliveries.list({ limit: 200 }).length < plan.length) return
  if (house.deliveries.list({ limit: 1, state: 'pending' }).length === 0) process.send?.('done')
}

house.deliveries.recover()
for (const { id, chat, text } of plan) house.send(id, chat, text, token)
tellWhenDone()
// The test ends this process; until then its channel keeps it alive.
process.on('message', () => undefined)
