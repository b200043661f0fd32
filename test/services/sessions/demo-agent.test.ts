import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDelta, resultsOf, startScripted, transcriptOf } from '../../fakes/scripted-agent.ts'
import { demoAgentPath, kindOf, type Line } from '../../fakes/stream-json-host.ts'
import { checkLeaks } from '../../harness.ts'

checkLeaks()

test('demo agent - says its version', () => {
  const { stdout, status } = spawnSync(process.execPath, [demoAgentPath(), '--version'], { encoding: 'utf8' })
  assert.equal(status, 0)
  assert.equal(stdout, 'demo (Switchboard demo agent)\n')
})

test('demo agent - says in each reply what it is, echoes, and counts across a resume', async (t) => {
  const env = { DEMO_AGENT_SCRIPT: '' }
  const first = startScripted(t, { env })
  await first.ended(first.message('hello {{crash=seen}}'))
  assert.deepEqual(await first.close(), { code: 0, signal: null })
  const second = startScripted(t, { env, place: first.place, session: first.session, resume: true })
  await second.ended(second.message('and again'))
  await second.close()
  const [one] = resultsOf(first)
  const [two] = resultsOf(second)
  assert.match(
    one?.result ?? '',
    /demo agent, not Claude[\s\S]*hello \{\{crash=seen\}\}[\s\S]*message 1 of[\s\S]*install Claude Code/,
  )
  assert.match(two?.result ?? '', /demo agent, not Claude[\s\S]*and again[\s\S]*message 2 of/)
  assert.equal(first.lines.map((line) => line.event?.delta?.text ?? '').join(''), one?.result, 'the deltas are the answer')
})

test('demo agent - shows a turn in the order of the CLI', async (t) => {
  const host = startScripted(t)
  const uuid = host.message('{{tokens=2 label=hi}}')
  await host.ended(uuid)
  assert.deepEqual(host.lines.map(kindOf), [
    'lifecycle queued',
    'lifecycle started',
    'system init',
    'system status',
    'replay',
    'event message_start',
    'event content_block_start',
    'event content_block_delta',
    'event content_block_delta',
    'event content_block_delta',
    'assistant',
    'event content_block_stop',
    'event message_delta',
    'event message_stop',
    'result success',
    'lifecycle completed',
  ])
  assert.equal(resultsOf(host)[0]?.result, 'hi t0 t1')
  for (const kind of ['system init', 'system status', 'result success']) {
    assert.deepEqual(host.lines.find((line) => kindOf(line) === kind)?.user_message_uuids, [uuid], kind)
  }
  assert.deepEqual(
    host.seen().map(({ uuid, text, merged }) => ({ uuid, text, merged })),
    [{ uuid, text: '{{tokens=2 label=hi}}', merged: 1 }],
  )
  await host.close()
})

test('demo agent - keeps a transcript with the uuid of the host, whole before the result', async (t) => {
  const host = startScripted(t)
  const uuid = host.message('{{tokens=1}}')
  await host.line((line) => line.type === 'result')
  const lines = (transcriptOf(host.place) ?? '')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
  assert.deepEqual(
    lines.map(({ type }) => type),
    ['user', 'assistant'],
  )
  assert.equal(lines[0]?.uuid, uuid)
  await host.close()
})

test('demo agent - has no transcript yet when it is killed as the model is asked, as the CLI', async (t) => {
  const first = startScripted(t)
  first.message('{{crash=seen}}')
  assert.deepEqual(await first.exit, { code: null, signal: 'SIGKILL' })
  assert.equal(first.seen().length, 1)
  assert.equal(transcriptOf(first.place), null)
  const again = startScripted(t, { place: first.place, session: first.session, resume: true })
  assert.equal((await again.close()).code, 1)
  assert.match(again.stderr(), /^No conversation found with session ID: /)
  const anew = startScripted(t, { place: first.place, session: first.session })
  await anew.ended(anew.message('{{tokens=1}}'))
  assert.deepEqual(await anew.close(), { code: 0, signal: null })
})

test('demo agent - refuses a session id that is taken, and one that is none', async (t) => {
  const first = startScripted(t)
  await first.ended(first.message('x'))
  await first.close()
  const second = startScripted(t, { place: first.place, session: first.session })
  assert.equal((await second.exit).code, 1)
  assert.equal(second.stderr(), `Error: Session ID ${first.session} is already in use.\n`)
  const third = startScripted(t, { session: 'nonsense' })
  assert.equal((await third.exit).code, 1)
  assert.match(third.stderr(), /Must be a valid UUID/)
})

test('demo agent - merges what waits, so that a host that sends too early is caught', async (t) => {
  const host = startScripted(t)
  const first = host.message('{{tokens=20 delay_ms=100}}')
  await host.line(isDelta(' t1'))
  const second = host.message('two')
  const third = host.message('three')
  await host.ended(third)
  assert.equal(resultsOf(host).length, 2)
  assert.equal(resultsOf(host)[1]?.result, 'echo: two\nthree')
  assert.deepEqual(resultsOf(host)[1]?.user_message_uuids, [second, third])
  assert.deepEqual(
    host.seen().map(({ uuid, merged }) => [uuid, merged]),
    [
      [first, 1],
      [second, 2],
      [third, 2],
    ],
  )
  await host.close()
})

test('demo agent - runs a uuid once, in one process and over a resume', async (t) => {
  const host = startScripted(t)
  const uuid = host.message('once')
  await host.ended(uuid)
  host.message('twice', { uuid })
  await host.ended(host.message('other'))
  await host.close()
  const resumed = startScripted(t, { place: host.place, session: host.session, resume: true })
  resumed.message('thrice', { uuid })
  await resumed.ended(uuid)
  assert.deepEqual(resumed.lines.map(kindOf), ['replay', 'lifecycle completed'])
  await resumed.close()
  assert.deepEqual(
    resumed.seen().map(({ text }) => text),
    ['once', 'other'],
  )
})

test('demo agent - ends an interrupted turn with a result, and runs what waited', async (t) => {
  const host = startScripted(t)
  const first = host.message('{{tokens=1000 delay_ms=10}}')
  await host.line(isDelta(' t2'))
  const second = host.message('next')
  host.control({ subtype: 'interrupt' })
  assert.equal((await host.ended(first)).state, 'cancelled')
  await host.ended(second)
  const [stopped, next] = resultsOf(host)
  assert.equal(stopped?.subtype, 'error_during_execution')
  assert.equal(stopped?.terminal_reason, 'aborted_streaming')
  assert.equal(next?.result, 'echo: next')
  const before = host.lines.length
  host.control({ subtype: 'interrupt' })
  await host.line((line) => line.type === 'control_response', before)
  assert.equal(resultsOf(host).length, 2, 'an idle agent has no result to give')
  await host.close()
})

test('demo agent - answers the other control requests', async (t) => {
  const host = startScripted(t)
  const ready = host.control({ subtype: 'initialize' })
  const mode = host.control({ subtype: 'set_permission_mode', mode: 'plan' })
  const answerTo = async (id: string) => await host.line((line) => (line.response as Line | undefined)?.request_id === id)
  assert.match(JSON.stringify(await answerTo(ready)), /"subtype":"success".*"pid":/)
  assert.match(JSON.stringify(await answerTo(mode)), /"mode":"plan"/)
  await host.ended(host.message('x'))
  assert.equal(host.lines.find((line) => line.subtype === 'init')?.permissionMode, 'plan')
  await host.close()
})

test('demo agent - dies of a malformed line, and of a message of another role', async (t) => {
  const one = startScripted(t)
  one.message('{{hang}}')
  await one.line((line) => kindOf(line) === 'system status')
  one.write('this is no json\n')
  assert.deepEqual(await one.exit, { code: 1, signal: null })
  assert.match(one.stderr(), /^Error parsing streaming input line/)
  const two = startScripted(t)
  two.write('\n{"type":"keep_alive"}\n{"type":"user","message":{"role":"assistant","content":"x"}}\n')
  assert.equal((await two.exit).code, 1)
  assert.match(two.stderr(), /Expected message role 'user'/)
})

test('demo agent - finishes what it has at the end of file, a line without its newline included', async (t) => {
  const host = startScripted(t)
  const uuid = randomUUID()
  host.message('{{tokens=10 delay_ms=20}}')
  host.write(JSON.stringify({ type: 'user', message: { role: 'user', content: 'no newline' }, uuid }))
  await host.line(isDelta('t0'))
  assert.deepEqual(await host.close(), { code: 0, signal: null })
  assert.deepEqual(
    resultsOf(host).map(({ result }) => result),
    ['t0 t1 t2 t3 t4 t5 t6 t7 t8 t9', 'echo: no newline'],
  )
})

test('demo agent - does not run a line without its newline when it is killed', async (t) => {
  const host = startScripted(t)
  host.control({ subtype: 'initialize' })
  await host.line((line) => line.type === 'control_response')
  host.write(JSON.stringify({ type: 'user', message: { role: 'user', content: 'x' }, uuid: randomUUID() }))
  // Long enough for an agent that does not wait for the newline to show it: an idle one answers within 5 ms.
  await sleep(150)
  host.process.kill('SIGKILL')
  await host.exit
  assert.deepEqual(host.seen(), [])
})

test('demo agent - leaves with 143 at SIGTERM in mid-turn', async (t) => {
  const host = startScripted(t)
  host.message('{{hang}}')
  await host.line((line) => kindOf(line) === 'system status')
  host.process.kill('SIGTERM')
  assert.deepEqual(await host.exit, { code: 143, signal: null })
})

test('demo agent - answers commands itself; an unknown one is a message', async (t) => {
  const host = startScripted(t)
  for (const text of ['/cost', '/context', '/compact']) await host.ended(host.message(text))
  assert.deepEqual(host.seen(), [])
  assert.match(resultsOf(host)[0]?.result ?? '', /^Estimated cost: /)
  await host.ended(host.message('/nonsense'))
  assert.equal(host.seen().length, 1)
  await host.close()
})

test('demo agent - can speak as the CLI before lifecycle lines', async (t) => {
  const host = startScripted(t, { env: { DEMO_AGENT_LEGACY: '1' } })
  host.message('{{tokens=1}}')
  await host.line((line) => line.type === 'result')
  assert.deepEqual(host.lines.map(kindOf).slice(0, 7), [
    'system init',
    'system status',
    'event message_start',
    'event content_block_start',
    'event content_block_delta',
    'replay',
    'assistant',
  ])
  assert.equal(
    host.lines.some((line) => 'user_message_uuids' in line || 'capabilities' in line),
    false,
  )
  host.message('/nonsense')
  await host.line((line) => line.result === 'Unknown command: /nonsense')
  await host.close()
})

test('demo agent - carries what it has cost over a clean exit, not over a kill', async (t) => {
  const first = startScripted(t)
  await first.ended(first.message('{{tokens=4}}'))
  const once = resultsOf(first)[0]?.total_cost_usd as number
  await first.close()
  const second = startScripted(t, { place: first.place, session: first.session, resume: true })
  await second.ended(second.message('{{tokens=4}}'))
  assert.equal(resultsOf(second)[0]?.total_cost_usd, once * 2)
  second.process.kill('SIGKILL')
  await second.exit
  const third = startScripted(t, { place: first.place, session: first.session, resume: true })
  await third.ended(third.message('{{tokens=4}}'))
  assert.equal(resultsOf(third)[0]?.total_cost_usd, once * 2)
  await third.close()
})

test('demo agent - takes any text as it is: 1 MB, NUL, separators, lone surrogates, blocks', async (t) => {
  const host = startScripted(t)
  const texts = ['ä'.repeat(500_000), 'a\0b\u2028c\u001b[31m', 'x\ud800y']
  for (const text of texts) await host.ended(host.message(text))
  const uuid = randomUUID()
  const content = [
    { type: 'text', text: 'in' },
    { type: 'text', text: 'blocks' },
  ]
  host.write(`${JSON.stringify({ type: 'user', message: { role: 'user', content }, uuid })}\n`)
  await host.ended(uuid)
  assert.deepEqual(
    host.seen().map(({ text }) => text),
    [...texts, 'in\nblocks'],
  )
  await host.close()
})

test('demo agent - tells nothing of a message without a uuid, and answers it', async (t) => {
  const host = startScripted(t)
  host.write('{"type":"user","message":{"role":"user","content":"no uuid"}}\n')
  const result = await host.line((line) => line.type === 'result')
  assert.equal(result.result, 'echo: no uuid')
  assert.equal(
    host.lines.some((line) => line.type === 'command_lifecycle' || 'user_message_uuids' in line),
    false,
  )
  await host.close()
})
