/** One kill of a cell: the order that a service carries out at a point of its own, or a moment of chance. */
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive } from '../../../services/runtime/process.ts'
import { agentVictim } from '../run/killer.ts'
import { everybody, giveOrder, type Hit, killAll, linesOf, type RunFiles, servicePid, takeBackOrder } from '../run/orders.ts'
import { STAGES, type Target } from '../run/plan.ts'
import type { Random } from '../run/random.ts'
import type { Cell } from './cells.ts'
import type { Load } from './loads/load.ts'

/** How long a kill waits for its moment. */
const CHANCE_MS = 40_000
/** After this long without it there is more to do. */
const NUDGE_MS = 1_500
const LOOK_MS = 15
const LATEST_MS = 1_500

const victimsOf = (
  files: RunFiles,
  target: Target,
  loads: readonly Load[],
  random: Random,
): Pick<Hit, 'pids' | 'chat'> | null => {
  if (target === 'agent' || target === 'keeper') {
    const busy = loads.flatMap((load) => load.busy?.() ?? [])
    return agentVictim(files, { target, which: random.below(1_000) / 1_000 }, busy)
  }
  const pids = target === 'pm2' ? everybody(files) : [servicePid(files, target)]
  return pids.every((pid) => pid !== null && isAlive(pid)) ? { pids: pids as number[], chat: null } : null
}

/** Brings the kill about. Null where its moment did not come. */
export const bringAbout = async (
  files: RunFiles,
  { target: wanted, moment, by }: Cell,
  kill: number,
  loads: readonly Load[],
  random: Random,
): Promise<Hit | null> => {
  // With the power everybody goes at once; what goes with it is done by the one who takes it away.
  const target: Target = wanted === 'power' ? 'pm2' : wanted
  const hitOf = (): Hit | undefined => linesOf<Hit>(files.hits).find((hit) => hit.kill === kill)
  if (by === null) await sleep(random.below(LATEST_MS))
  else {
    const half = moment === 'half_line'
    giveOrder(files, { kill, by, point: half ? 'handing_committed' : moment, target, half, stage: random.pick(STAGES) })
  }
  let nudgedAt = performance.now()
  for (const until = nudgedAt + CHANCE_MS; performance.now() < until; await sleep(LOOK_MS)) {
    if (by === null) {
      const victims = victimsOf(files, target, loads, random)
      if (victims !== null) {
        const hit: Hit = { kill, at: Date.now(), ...victims }
        appendFileSync(files.hits, `${JSON.stringify(hit)}\n`)
        killAll(hit.pids)
        return hit
      }
    } else {
      const hit = hitOf()
      if (hit !== undefined) return hit
    }
    if (performance.now() - nudgedAt < NUDGE_MS) continue
    nudgedAt = performance.now()
    for (const load of loads) load.more()
  }
  takeBackOrder(files)
  return hitOf() ?? null
}
