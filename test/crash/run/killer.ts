/** Carries out the kills of a plan, one after the other, and keeps count of those that fell. */
import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive } from '../../../services/runtime/process.ts'
import { carriesNonce } from '../../../services/sessions/agent/process.ts'
import type { Chats } from './chats.ts'
import type { Gate } from './gate.ts'
import type { House } from './house.ts'
import {
  agentFile,
  agentsOf,
  everybody,
  giveOrder,
  type Hit,
  killAll,
  linesOf,
  numberIn,
  type RunFiles,
  servicePid,
  takeBackOrder,
  untilGone,
} from './orders.ts'
import type { Plan, PlannedKill } from './plan.ts'

/** How long a kill may wait for its moment once no turn is left to bring it about. */
const LAST_CHANCE_MS = 3_000
/** How long one may wait at all. */
const CHANCE_MS = 45_000
/** After this long without the moment one more turn begins. */
const NUDGE_MS = 700
const LOOK_MS = 15

export interface KillerDeps {
  readonly house: House
  readonly plan: Plan
  readonly gate: Gate
  readonly chats: Chats
  readonly print: (line: string) => void
}

type Victims = Pick<Hit, 'pids' | 'chat'>

/** Agents in mid-turn first: they are the interesting ones. */
export const agentVictim = (
  files: RunFiles,
  { target, which }: Pick<PlannedKill, 'target' | 'which'>,
  busy: readonly string[],
): Victims | null => {
  const alive = agentsOf(files).flatMap(({ n, chat_id, nonce }) => {
    const pid = numberIn(agentFile(files, n, target === 'agent' ? 'pid' : 'keeper'))
    const runs = pid !== null && !existsSync(agentFile(files, n, 'exit')) && isAlive(pid) && carriesNonce(pid, nonce)
    return runs ? [{ pids: [pid], chat: chat_id }] : []
  })
  const inTurn = alive.filter(({ chat }) => busy.includes(chat))
  const list = inTurn.length > 0 ? inTurn : alive
  return list[Math.floor(which * list.length)] ?? null
}

const victimsNow = (files: RunFiles, kill: PlannedKill, busy: readonly string[]): Victims | null => {
  if (kill.target === 'agent' || kill.target === 'keeper') return agentVictim(files, kill, busy)
  const pids = kill.target === 'pm2' ? everybody(files) : [servicePid(files, kill.target)]
  return pids.every((pid) => pid !== null && isAlive(pid)) ? { pids: pids as number[], chat: null } : null
}

/** Waits for something to be so, and gives turns meanwhile. */
const waitFor = async ({ gate, chats, plan }: KillerDeps, isSo: () => boolean): Promise<boolean> => {
  const began = performance.now()
  let nudged = began
  let idleSince: number | null = null
  for (;;) {
    if (isSo()) return true
    const now = performance.now()
    if (now - nudged > NUDGE_MS) {
      gate.openUpTo(gate.open + 1)
      nudged = now
    }
    idleSince = chats.ended() < plan.turns ? null : (idleSince ?? now)
    if (now - began > CHANCE_MS || (idleSince !== null && now - idleSince > LAST_CHANCE_MS)) return false
    await sleep(LOOK_MS)
  }
}

const fallAtAnyMoment = async (deps: KillerDeps, kill: PlannedKill): Promise<boolean> => {
  const { files } = deps.house
  await sleep(kill.delay_ms)
  return await waitFor(deps, () => {
    const victims = victimsNow(files, kill, deps.chats.busy())
    if (victims === null) return false
    const hit: Hit = { kill: kill.n, at: Date.now(), ...victims }
    appendFileSync(files.hits, `${JSON.stringify(hit)}\n`)
    killAll(victims.pids)
    return true
  })
}

const fallAtPoint = async (deps: KillerDeps, { n, moment, target, stage }: PlannedKill): Promise<boolean> => {
  const { files } = deps.house
  if (moment === 'any') throw new Error('any moment is no point')
  const half = moment === 'half_line'
  giveOrder(files, { kill: n, point: half ? 'handing_committed' : moment, target, half, stage })
  const isHit = (): boolean => linesOf<Hit>(files.hits).some(({ kill }) => kill === n)
  if (await waitFor(deps, isHit)) return true
  takeBackOrder(files)
  return isHit()
}

/** Gives what was hit. Turns begin evenly over the kills, behind one for each chat at the start. */
export const carryOutKills = async (deps: KillerDeps): Promise<Hit[]> => {
  const { house, plan, gate, print } = deps
  const head = Math.min(plan.chats.length, Math.ceil(plan.turns / 3))
  for (const kill of plan.kills) {
    const share = ((plan.turns - head) * (kill.n + 1)) / plan.kills.length
    gate.openUpTo(head + Math.floor(share))
    const began = performance.now()
    const fell = kill.moment === 'any' ? await fallAtAnyMoment(deps, kill) : await fallAtPoint(deps, kill)
    const took = Math.round(performance.now() - began)
    print(
      `kill ${kill.n + 1}/${plan.kills.length}: ${kill.target} at ${kill.moment} ${fell ? `fell after ${took} ms` : 'NOT HIT'}`,
    )
    if (kill.target === 'pm2' && fell) {
      await untilGone(linesOf<Hit>(house.files.hits).find((hit) => hit.kill === kill.n)?.pids ?? [])
      await house.start()
    } else if (!kill.isHasty) await house.up()
  }
  gate.openUpTo(plan.turns)
  await house.up()
  return linesOf<Hit>(house.files.hits)
}
