/**
 * Cron jobs every second: a command with a webhook, and a prompt. Commands write down themselves for which run they were started;
 * due moments are computed by the auditor's code.
 */
import type { Run } from '../../../../protocol/scheduler.ts'
import { audited } from '../../../services/scheduler/audited.ts'
import { ask, type Begin, comesTrue, Findings, type Load } from './load.ts'

const OPEN = new Set(['claimed', 'running'])
/**
 * What waits when `end` disables its job is told so and never begun. Nothing else keeps a run from its moment here: no restart lasts as
 * long as the minute after which one is missed, and fewer runs wait than a queue may hold.
 */
const NOT_BEGUN = 'Its job was disabled'
const CALL_MS = 20_000

const isNotBegun = ({ state, reason }: Run): boolean => state === 'skipped' && reason === NOT_BEGUN

/** Broken off by a loss of power that came after its row. */
const isCutOff = ({ state, started_at }: Run, losses: readonly number[]): boolean =>
  state === 'interrupted' && losses.some((moment) => moment >= Date.parse(started_at))

interface Runs {
  /** Of the load, for what is said. */
  readonly name: string
  readonly runs: readonly Run[]
  readonly losses: readonly number[]
}

export interface CommandRuns extends Runs {
  /** What the commands themselves wrote down. */
  readonly lines: readonly string[]
  /** What arrived under the name of a run. */
  readonly results: (run_id: string) => readonly string[]
}

export const countCommands = (found: Findings, { name, runs, losses, lines, results }: CommandRuns): void => {
  for (const run of runs) {
    const times = lines.filter((line) => line.startsWith(run.run_id)).length
    const who = `${name}: the command of ${run.scheduled_at}`
    found.add('run_twice', Math.max(0, times - 1), `${who} ran ${times} times`)
    if (isNotBegun(run)) {
      found.add('run_twice', Math.min(1, times), `${who} counts as never begun and ran`)
      continue
    }
    const isSound = run.state === 'ran' || isCutOff(run, losses)
    found.add('lost', isSound ? 0 : 1, `${who} ended as ${run.state}: ${run.reason}`)
    if (run.state !== 'ran') continue
    found.add('lost', times === 0 ? 1 : 0, `${who} counts as run and was not`)
    const got = new Set(results(run.run_id))
    found.add('lost', got.size === 0 ? 1 : 0, `${who}: its result did not arrive`)
    found.add('doubled', Math.max(0, got.size - 1), `${who}: different results came under one key`)
  }
}

export interface PromptRuns extends Runs {
  readonly answer: string
  /** How often a model was given the prompt: in all, and in the turn of a name. */
  readonly prompts: number
  readonly promptsOf: (turn_id: string) => number
}

export const countPrompts = (found: Findings, { name, runs, losses, answer, prompts, promptsOf }: PromptRuns): void => {
  let known = 0
  for (const run of runs) {
    const times = run.turn_id === null ? 0 : promptsOf(run.turn_id)
    known += times
    const who = `${name}: the prompt of ${run.scheduled_at}`
    found.add('run_twice', Math.max(0, times - 1), `${who} was asked ${times} times`)
    if (isNotBegun(run)) {
      found.add('run_twice', Math.min(1, times), `${who} counts as never begun and was asked`)
      continue
    }
    const isSound = (run.state === 'ran' && run.result === answer) || isCutOff(run, losses)
    found.add('lost', isSound ? 0 : 1, `${who} ended as ${run.state}: ${run.reason ?? run.result}`)
    found.add('lost', run.state === 'ran' && times === 0 ? 1 : 0, `${who} counts as run and was not asked`)
  }
  found.add('run_twice', Math.max(0, prompts - known), `${name}: ${prompts - known} prompts that belong to no run`)
}

export const jobs: Begin = async (at, name): Promise<Load> => {
  const { house, hook, commands, scheduler } = at
  const since = Date.now()
  const create = async (fields: object): Promise<number> => {
    const body = { name, overlap: 'queue', misfire: 'all', ...fields }
    return (await ask<{ id: number }>(house.url, '/api/cron', { method: 'POST', body, key: JSON.stringify(fields) })).id
  }
  const shell = await create({
    command: `echo "$SWITCHBOARD_RUN" >>${commands.file}; sleep 0.1; echo done`,
    cron_expression: '* * * * * *',
    delivery: { kind: 'webhook', url: hook.url },
  })
  const message = `{{label=${name} tokens=5 delay_ms=10}}`
  const claude = await create({ command: message, job_type: 'claude', cron_expression: '*/2 * * * * *' })
  const runsOf = (job: number): Promise<Run[]> => ask<Run[]>(house.url, `/api/cron/${job}/history?limit=-1`)

  return {
    more: () => undefined,
    end: async () => {
      for (const job of [shell, claude]) {
        await comesTrue(async () => (await runsOf(job)).some((run) => !OPEN.has(run.state)))
        await ask(house.url, `/api/cron/${job}`, { method: 'PUT', body: { enabled: false } })
        await comesTrue(async () => (await runsOf(job)).every(({ state }) => !OPEN.has(state)))
      }
      const ran = (await runsOf(shell)).filter(({ state }) => state === 'ran')
      // An attempt that was killed twice is made again after a minute.
      await comesTrue(() => ran.every(({ run_id }) => hook.got(run_id).length > 0))
    },
    count: async (losses) => {
      const [shellRuns, claudeRuns] = [await runsOf(shell), await runsOf(claude)]
      const found = new Findings()
      countCommands(found, { name, runs: shellRuns, losses, lines: commands.lines(), results: hook.got })
      const { promptsOf } = at
      const prompts = at.promptsWith(message)
      countPrompts(found, { name, runs: claudeRuns, losses, answer: `${name} t0 t1 t2 t3 t4`, prompts, promptsOf })
      const moments = [...shellRuns, ...claudeRuns].map(({ job_id, scheduled_at }) => `${job_id} ${scheduled_at}`)
      found.add('doubled', moments.length - new Set(moments).size, `${name}: a moment has two rows`)
      const page = (input: Parameters<typeof scheduler.ledger>[0]) => scheduler.ledger(input, { timeout_ms: CALL_MS })
      const { lacking } = await audited(page, since, Date.now())
      const mine = lacking.filter(({ job_id }) => job_id === shell || job_id === claude)
      found.add('lost', mine.length, `${name}: due moments without a row: ${JSON.stringify(mine.slice(0, 5))}`)
      return found.faults
    },
  }
}
