/** What the loads of a cell let pass, and what they do not: each excuse belongs to one cause. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Run } from '../../../../protocol/scheduler.ts'
import { atEnd, checkLeaks, tempDir } from '../../../harness.ts'
import { createRandom } from '../../run/random.ts'
import type { Surroundings } from '../surroundings.ts'
import { chatsOf } from './chats.ts'
import { countCommands, countPrompts } from './jobs.ts'
import { type Faults, Findings } from './load.ts'
import { mayBeDoubtful } from './reports.ts'

checkLeaks()

const listen = async (t: TestContext, listener: RequestListener): Promise<string> => {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, () => new Promise<void>((resolve) => void server.close(() => resolve())))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('crash loads - a stream without an end is excused by a loss of power that fell into it, and by nothing else', async (t) => {
  const journal = join(tempDir(t), 'journal')
  let message = ''
  let answer = ''
  let followed = 0
  // Its stream breaks off and is gone, while its rows say that all is well.
  const url = await listen(t, (request, response): void => {
    const path = request.url ?? ''
    const say = (status: number, value: unknown): void => void response.writeHead(status).end(JSON.stringify(value))
    if (path.endsWith('/events')) {
      followed = Date.now()
      return say(410, {})
    }
    if (path.startsWith('/api/gateway/turns/')) return say(200, { state: 'answered', reply: answer })
    const told = { user: message, assistant: answer }
    if (path.startsWith('/api/chat/'))
      return say(
        200,
        Object.entries(told).map(([role, content]) => ({ role, content })),
      )
    request.setEncoding('utf8').on('data', (body: string) => {
      message = (JSON.parse(body) as { message: string }).message
      const [, label, tokens] = /label=(\w+) tokens=(\d+)/.exec(message) ?? []
      answer = [label, ...Array.from({ length: Number(tokens) }, (_, index) => `t${index}`)].join(' ')
      writeFileSync(journal, `${JSON.stringify({ text: message, uuid: 'turn' })}\n`)
      response.end('data: {"type":"turn","turn_id":"turn"}\n\n')
    })
  })
  const at = { house: { url, files: { journal } } } as unknown as Surroundings
  const load = await chatsOf({ turns: 1, chats: 1 })(at, 'x', createRandom(1))
  await load.end()
  const [killed, cut, before] = [await load.count([]), await load.count([followed]), await load.count([followed - 60_000])]
  assert.equal(killed.lost, 1)
  assert.match(killed.notes.join(), /turns lost .* turn turn: status 410/)
  assert.deepEqual([cut.lost, cut.doubled, cut.run_twice], [0, 0, 0], cut.notes.join())
  assert.equal(before.lost, 1, 'the loss was over when the turn was begun')
})

const RUN = { run_id: 'run', scheduled_at: 'a moment', started_at: '2026-01-01T00:00:00Z', turn_id: 'turn', reason: null }
const LOSS = Date.parse('2026-01-01T00:00:01Z')
const runOf = (fields: object): Run => ({ ...RUN, ...fields }) as Run
const faultsOf = ({ lost, doubled, run_twice }: Faults): number[] => [lost, doubled, run_twice]

test('crash loads - a command that did not run is lost, unless it was told to wait no longer; one that ran has a run that says so', () => {
  const of = (fields: object, times: number, losses: number[] = []): number[] => {
    const found = new Findings()
    const lines = Array.from({ length: times }, () => 'run.1')
    countCommands(found, { name: 'x', runs: [runOf(fields)], losses, lines, results: () => ['done'] })
    return faultsOf(found.faults)
  }
  const disabled = { state: 'skipped', reason: 'Its job was disabled' }
  assert.deepEqual(of({ state: 'ran' }, 1), [0, 0, 0])
  assert.deepEqual(of({ state: 'ran' }, 0), [1, 0, 0])
  assert.deepEqual(of({ state: 'ran' }, 2), [0, 0, 1])
  assert.deepEqual(of({ state: 'missed' }, 0), [1, 0, 0], 'no restart takes as long')
  assert.deepEqual(of({ state: 'skipped', reason: 'The run before it was not over' }, 0), [1, 0, 0])
  assert.deepEqual(of(disabled, 0), [0, 0, 0])
  assert.deepEqual(of(disabled, 1), [0, 0, 1], 'it never began, and ran')
  assert.deepEqual(of({ state: 'interrupted' }, 1), [1, 0, 0])
  assert.deepEqual(of({ state: 'interrupted' }, 1, [LOSS]), [0, 0, 0])
})

test('crash loads - a prompt is counted in its own turn: one too many is not made good by one too few', () => {
  const of = (turns: Readonly<Record<string, number>>, ...fields: object[]): number[] => {
    const found = new Findings()
    const prompts = Object.values(turns).reduce((sum, count) => sum + count, 0)
    const promptsOf = (turn: string): number => turns[turn] ?? 0
    countPrompts(found, { name: 'x', runs: fields.map(runOf), losses: [], answer: 'words', prompts, promptsOf })
    return faultsOf(found.faults)
  }
  const ran = { state: 'ran', result: 'words' }
  assert.deepEqual(of({ turn: 1 }, ran), [0, 0, 0])
  assert.deepEqual(of({ turn: 2, other: 0 }, ran, { ...ran, turn_id: 'other' }), [1, 0, 1])
  assert.deepEqual(of({ turn: 1, stray: 1 }, ran), [0, 0, 1], 'a prompt of no run')
  assert.deepEqual(of({}, { state: 'missed', turn_id: null }), [1, 0, 0])
  assert.deepEqual(of({}, { state: 'skipped', reason: 'Its job was disabled', turn_id: null }), [0, 0, 0])
  assert.deepEqual(of({ turn: 1 }, { state: 'skipped', reason: 'Its job was disabled' }), [0, 0, 1])
})

test('crash loads - a report may be in doubt where its mail was just leaving', () => {
  const moments = ['ordered', 'mail_streamed', 'mail_handing', 'mail_taken', 'ended', 'any']
  const doubtful = (mails: number) => moments.filter((moment) => mayBeDoubtful(moment, mails))
  assert.deepEqual(doubtful(0), ['mail_handing', 'any'])
  assert.deepEqual(doubtful(1), ['mail_handing', 'mail_taken', 'any'])
})
