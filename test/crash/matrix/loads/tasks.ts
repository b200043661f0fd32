/**
 * Background tasks: single ones, whose results go to Telegram, and the beginning of a harness chain. What arrived is counted by
 * the stand-in of Telegram, what ran by the agents' journal.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { TaskSummary } from '../../../../protocol/tasks.ts'
import { ask, type Begin, comesTrue, Findings, type Load } from './load.ts'

const TOKEN = '12345:secret-of-the-bot'
const TOKENS = 12
/** What the tasks of a chain have in their hands: the first that is not done is done. */
const STEP = `import { readFileSync, writeFileSync } from 'node:fs'
const file = '.harness/tasks.json'
const plan = JSON.parse(readFileSync(file, 'utf8'))
const next = plan.tasks.find((task) => task.status !== 'done')
if (next) next.status = 'done'
writeFileSync(file, JSON.stringify(plan))
`
const ENDED = new Set(['done', 'failed', 'interrupted', 'cancelled'])

/** Telegram's chats are numbers; each of a process is used once. */
let lastChat = 1_000

const makeHarness = (cwd: string): void => {
  mkdirSync(join(cwd, '.harness'), { recursive: true })
  const tasks = [0, 1, 2].map((id) => ({ id, phase: 'engineering', status: 'pending' }))
  writeFileSync(join(cwd, '.harness', 'tasks.json'), JSON.stringify({ metadata: { project_name: 'heron' }, tasks }))
  writeFileSync(join(cwd, 'step.mjs'), STEP)
  writeFileSync(join(cwd, '.demo-agent'), '{{tool=Bash command="node step.mjs" label=batch tokens=3}}')
}

interface Single {
  readonly chat: string
  readonly label: string
  readonly message: string
  readonly started: Promise<TaskSummary>
}

export const tasks: Begin = async (at, name): Promise<Load> => {
  const { house, telegram } = at
  const singles: Single[] = []
  const begin = (): void => {
    lastChat += 1
    const label = `${name}r${singles.length}`
    const body = { chat_id: String(lastChat), message: `{{label=${label} tokens=${TOKENS} delay_ms=5}} go`, bot_token: TOKEN }
    const started = ask<TaskSummary>(house.url, '/api/tasks', { method: 'POST', body, key: label })
    // Looked at when all is counted.
    started.catch(() => undefined)
    singles.push({ chat: body.chat_id, label, message: body.message, started })
  }
  lastChat += 1
  const chainChat = String(lastChat)
  makeHarness(join(dirname(house.files.home), 'work', 'default', chainChat))
  const chain = ask<TaskSummary>(house.url, '/api/tasks', {
    method: 'POST',
    body: { chat_id: chainChat, message: 'begin' },
    key: `${name}chain`,
  })
  chain.catch(() => undefined)
  begin()

  const listed = async (chat: string): Promise<TaskSummary[]> =>
    (await ask<{ tasks: TaskSummary[] }>(house.url, `/api/tasks?limit=50&chat_id=${chat}`)).tasks
  const isOver = async (chat: string): Promise<boolean> => (await listed(chat)).some(({ state }) => ENDED.has(state))
  const wordsAt = (chat: string): string[] => telegram.chat(chat).map(({ text }) => text)

  return {
    more: begin,
    end: async () => {
      await Promise.allSettled([chain, ...singles.map(({ started }) => started)])
      for (const { chat } of singles) await comesTrue(async () => (await isOver(chat)) && wordsAt(chat).length > 0)
      await comesTrue(() => isOver(chainChat))
      // The next batch waits out its pause; it is not waited for.
      const waiting = (await listed(chainChat)).filter(({ state }) => !ENDED.has(state))
      for (const { task_id } of waiting)
        await ask(house.url, `/api/tasks/${task_id}/cancel`, { method: 'POST', body: {} }).catch(() => undefined)
    },
    count: async (losses) => {
      const found = new Findings()
      for (const { chat, label, started } of singles) {
        const first = await started.catch((error: Error) => error)
        const rows = await listed(chat)
        found.add('doubled', Math.max(0, rows.length - 1), `${label} is ${rows.length} tasks`)
        const [row] = rows
        const wasCut = row !== undefined && row.state === 'interrupted' && losses.some((moment) => moment >= row.created_at)
        if (row === undefined || first instanceof Error || !(row.state === 'done' || wasCut)) {
          found.add('lost', 1, `${label} ended as ${row?.state ?? String(first)}: ${row?.reason ?? ''}`)
          continue
        }
        found.add('run_twice', Math.max(0, at.promptsOf(row.task_id) - 1), `${label} was run ${at.promptsOf(row.task_id)} times`)
        const wanted = [label, ...Array.from({ length: TOKENS }, (_, index) => `t${index}`)].join(' ')
        const received = telegram.chat(chat)
        const whole = received.filter(({ text }) => wasCut || text.includes(wanted))
        found.add('lost', whole.length === 0 ? 1 : 0, `${label} (${row.state}) did not arrive: ${JSON.stringify(wordsAt(chat))}`)
        const unlabelled = received.filter(({ labelled }) => !labelled).length
        found.add('doubled', Math.max(0, unlabelled - 1), `${label} arrived ${unlabelled} times without a label`)
      }
      const batches = await listed(chainChat)
      const depths = batches.map(({ depth }) => depth)
      found.add('doubled', depths.length - new Set(depths).size, `${name}: batches ${depths.join(', ')} of one chain`)
      // With the power the plan of the work may have gone, which a person, or the agent, has written and nobody forced to the disk.
      found.add(
        'lost',
        batches.length >= 2 || (batches.length > 0 && losses.length > 0) ? 0 : 1,
        `${name}: the chain ended after ${batches.length} batches`,
      )
      for (const { task_id, depth } of batches)
        found.add('run_twice', Math.max(0, at.promptsOf(task_id) - 1), `${name}: batch ${depth} was run more than once`)
      return found.faults
    },
  }
}
