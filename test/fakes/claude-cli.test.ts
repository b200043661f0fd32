/** The real CLI against the stand-in of its API, and the demo agent beside it: what the one does the other must do. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { checkLeaks } from '../harness.ts'
import { CLAUDE_VERSION, realClaudeOrSkip } from './claude-cli.ts'
import { type MessagesApi, startMessagesApi } from './messages-api.ts'
import { demoAgentPath, type Host, kindOf, makePlace, type Place, startHost } from './stream-json-host.ts'

checkLeaks()

type Both = { name: string; start(place: Place, args: string[]): Host }

/** Lines that the demo agent does not imitate. */
const NOT_IMITATED = ['system thinking_tokens']

async function both(t: TestContext): Promise<{ api: MessagesApi; programs: Both[] } | null> {
  const claude = await realClaudeOrSkip(t)
  if (!claude) return null
  const api = await startMessagesApi()
  t.after(() => api.close())
  const mode = ['--permission-mode', 'bypassPermissions', '--setting-sources', 'user', '--strict-mcp-config']
  return {
    api,
    programs: [
      {
        name: 'claude',
        start: (place, args) =>
          startHost(t, [claude.bin], {
            place,
            args: [...args, ...mode],
            env: claude.env({ api_url: api.url, config_dir: place.config_dir }),
          }),
      },
      {
        name: 'demo',
        start: (place, args) =>
          startHost(t, [process.execPath, demoAgentPath()], { place, args: [...args, ...mode], env: { DEMO_AGENT_SCRIPT: '1' } }),
      },
    ],
  }
}

/** The kinds of lines in their order; a run of deltas is one. */
function shape(host: Host, from = 0): string[] {
  const kinds = host.lines
    .slice(from)
    .map(kindOf)
    .filter((kind) => !NOT_IMITATED.includes(kind))
  return kinds.filter((kind, at) => kind !== 'event content_block_delta' || kinds[at - 1] !== kind)
}

test('claude cli - is the pinned version and answers from the stand-in', async (t) => {
  const claude = await realClaudeOrSkip(t)
  if (!claude) return
  const api = await startMessagesApi()
  t.after(() => api.close())
  const place = makePlace(t)
  const env = claude.env({ api_url: api.url, config_dir: place.config_dir })
  const host = startHost(t, [claude.bin], { place, args: ['--session-id', randomUUID()], env })
  await host.ended(host.message('hello'))
  assert.equal(host.lines.find((line) => line.subtype === 'init')?.claude_code_version, CLAUDE_VERSION)
  assert.equal(host.lines.find((line) => line.type === 'result')?.result, 'echo: hello')
  assert.deepEqual(api.prompts(), ['hello'])
  assert.deepEqual(await host.close(), { code: 0, signal: null })
})

const TURNS = [
  '{{tokens=3}} plain',
  '{{tokens=3}} warm',
  '{{thinking="hm" say="so be it"}}',
  '{{tool=Bash command="echo hi" tokens=2}}',
  '/cost',
]

test('demo agent - shows the same lines in the same order as the CLI, turn by turn', async (t) => {
  const found = await both(t)
  if (!found) return
  const shapes = await Promise.all(
    found.programs.map(async ({ start }) => {
      const host = start(makePlace(t), ['--session-id', randomUUID()])
      const seen: string[][] = []
      for (const text of TURNS) {
        const from = host.lines.length
        await host.ended(host.message(text))
        seen.push(shape(host, from))
      }
      await host.close()
      return seen
    }),
  )
  for (const [index, text] of TURNS.entries()) assert.deepEqual(shapes[1]?.[index], shapes[0]?.[index], text)
})

test('demo agent - merges, interrupts, deduplicates and resumes as the CLI does', async (t) => {
  const found = await both(t)
  if (!found) return
  const stories = await Promise.all(
    found.programs.map(async ({ start }) => {
      const place = makePlace(t)
      const session = randomUUID()
      const host = start(place, ['--session-id', session])
      const first = host.message('{{tokens=500 delay_ms=20}} first')
      await host.line((line) => line.event?.delta?.text === ' t3')
      host.message('second')
      const third = host.message('third')
      await host.line((line) => line.command_uuid === third)
      host.control({ subtype: 'interrupt' })
      const story: unknown[] = [(await host.ended(first)).state, (await host.ended(third)).state]
      const results = host.lines.filter((line) => line.type === 'result')
      story.push(
        results.map((line) => [line.subtype, line.is_error, line.terminal_reason, line.result, line.user_message_uuids?.length]),
      )
      const exits = [await host.close()]
      const resumed = start(place, ['--resume', session])
      resumed.message('again', { uuid: third })
      await resumed.ended(third)
      story.push(shape(resumed))
      await resumed.ended(resumed.message('fresh'))
      exits.push(await resumed.close())
      const taken = start(place, ['--session-id', session])
      exits.push(await taken.exit)
      const unknown = start(place, ['--resume', randomUUID()])
      exits.push(await unknown.exit)
      const complaints = [taken, unknown].map((refused) => refused.stderr().replaceAll(/[0-9a-f-]{36}/g, 'U'))
      return { story, exits, complaints, unknown: shape(unknown) }
    }),
  )
  assert.deepEqual(stories[1], stories[0])
  assert.equal(found.api.count('fresh'), 1)
  assert.equal(found.api.count('again'), 0)
})

test('demo agent - ends as the CLI does: API error, malformed line, SIGTERM, end of file without a newline', async (t) => {
  const found = await both(t)
  if (!found) return
  const ends = await Promise.all(
    found.programs.map(async ({ name, start }) => {
      const run = () => start(makePlace(t), ['--session-id', randomUUID()])
      const failing = run()
      // Each has its own word for it: the one asks the stand-in for the error, the other says it.
      const state = (await failing.ended(failing.message(name === 'demo' ? '{{api_error="x"}}' : '{{status=400}}'))).state
      const failed = await failing.close()
      const result = failing.lines.find((line) => line.type === 'result')
      const malformed = run()
      malformed.message('{{hang}}')
      await malformed.line((line) => kindOf(line) === 'system status')
      malformed.write('no json\n')
      const terminated = run()
      terminated.message('{{hang}}')
      await terminated.line((line) => kindOf(line) === 'system status')
      terminated.process.kill('SIGTERM')
      const open = run()
      open.write(JSON.stringify({ type: 'user', message: { role: 'user', content: 'open' }, uuid: randomUUID() }))
      const closed = await open.close()
      return {
        failed: [state, failed, result?.subtype, result?.is_error, result?.terminal_reason],
        malformed: [await malformed.exit, malformed.stderr()],
        terminated: [await terminated.exit, terminated.stderr()],
        open: [closed, open.lines.find((line) => line.type === 'result')?.result],
      }
    }),
  )
  assert.deepEqual(ends[1], ends[0])
})

test('demo agent - starts a turn of its own as the CLI does, and keeps a message out of it', async (t) => {
  const found = await both(t)
  if (!found) return
  const shapes = await Promise.all(
    found.programs.map(async ({ start }) => {
      const host = start(makePlace(t), ['--session-id', randomUUID()])
      await host.ended(host.message('{{tool=Bash command="sleep 1; echo x" background tokens=2 own_tokens=30 own_delay_ms=20}}'))
      const from = host.lines.length
      await host.line((line) => line.event?.delta?.text === ' t5', from)
      const uuid = host.message('mine')
      await host.ended(uuid)
      const results = host.lines
        .filter((line) => line.type === 'result')
        .map((line) => [line.origin?.kind, line.user_message_uuids?.length])
      await host.close()
      return { lines: shape(host, from), results }
    }),
  )
  assert.deepEqual(shapes[1], shapes[0])
})
