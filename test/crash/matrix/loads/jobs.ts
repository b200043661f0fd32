/**
 * Cron jobs every second: a command with a webhook, and a prompt. Commands write down themselves for which run they were started;
 * due moments are computed by the auditor's code.
 */
import type { Run } from '../../../../protocol/scheduler.ts'
import { audited } from '../../../services/scheduler/audited.ts'
import { ask, type Begin, comesTrue, Findings, type Load } from './load.ts'

const OPEN = new Set(['claimed', 'running'])
/** Told with a reason, and never begun. */
const NEVER_BEGUN = new Set(['missed', 'skipped'])
const CALL_MS = 20_000

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
        await comesTrue(async () => (await runsOf(job)).some(({ state }) => !OPEN.has(state) && !NEVER_BEGUN.has(state)))
        await ask(house.url, `/api/cron/${job}`, { method: 'PUT', body: { enabled: false } })
        await comesTrue(async () => (await runsOf(job)).every(({ state }) => !OPEN.has(state)))
      }
      const ran = (await runsOf(shell)).filter(({ state }) => state === 'ran')
      await comesTrue(() => ran.every(({ run_id }) => hook.got(run_id).length > 0), 20_000)
    },
    count: async (losses) => {
      const found = new Findings()
      const isExcused = (run: Run): boolean =>
        NEVER_BEGUN.has(run.state) ||
        (run.state === 'interrupted' && losses.some((moment) => moment >= Date.parse(run.started_at)))
      const lines = commands.lines()
      const shellRuns = await runsOf(shell)
      for (const run of shellRuns) {
        const times = lines.filter((line) => line.startsWith(run.run_id)).length
        const who = `${name}: the command of ${new Date(run.scheduled_at).toISOString()}`
        found.add('run_twice', Math.max(0, times - 1), `${who} ran ${times} times`)
        found.add('lost', run.state === 'ran' || isExcused(run) ? 0 : 1, `${who} ended as ${run.state}: ${run.reason}`)
        if (run.state !== 'ran') continue
        found.add('lost', times === 0 ? 1 : 0, `${who} counts as run and was not`)
        const results = new Set(hook.got(run.run_id))
        found.add('lost', results.size === 0 ? 1 : 0, `${who}: its result did not arrive`)
        found.add('doubled', Math.max(0, results.size - 1), `${who}: different results came under one key`)
      }
      const claudeRuns = await runsOf(claude)
      const asked = claudeRuns.filter(({ state }) => !NEVER_BEGUN.has(state)).length
      found.add(
        'run_twice',
        Math.max(0, at.promptsWith(message) - asked),
        `${name}: ${at.promptsWith(message)} prompts for ${asked} runs`,
      )
      for (const run of claudeRuns) {
        const isSound = run.state === 'ran' && run.result === `${name} t0 t1 t2 t3 t4`
        found.add(
          'lost',
          isSound || isExcused(run) ? 0 : 1,
          `${name}: a prompt ended as ${run.state}: ${run.reason ?? run.result}`,
        )
      }
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
