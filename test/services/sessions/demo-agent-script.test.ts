import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isDelta, resultsOf, startScripted } from '../../fakes/scripted-agent.ts'
import { kindOf } from '../../fakes/stream-json-host.ts'
import { checkLeaks, eventually } from '../../harness.ts'

checkLeaks()

test('demo agent - takes a message without `later` into a turn whose tool runs', async (t) => {
  const host = startScripted(t)
  host.message('{{tool=Bash command="until [ -e go ]; do sleep 0.02; done" tokens=1}}')
  await host.line((line) => kindOf(line) === 'assistant')
  const steering = host.message('steer', { priority: 'next' })
  const waiting = host.message('wait')
  // Lines are read in order: with the answer to this one, both have been taken in.
  const request_id = host.control({ subtype: 'initialize' })
  await host.line((line) => line.type === 'control_response' && JSON.stringify(line).includes(request_id))
  writeFileSync(join(host.place.cwd, 'go'), '')
  await host.ended(waiting)
  assert.equal(resultsOf(host).length, 2)
  assert.ok(resultsOf(host)[0]?.user_message_uuids?.includes(steering))
  assert.deepEqual(resultsOf(host)[1]?.user_message_uuids, [waiting])
  await host.close()
})

test('demo agent - can be interrupted before the first byte, and ignore it when told to', async (t) => {
  const host = startScripted(t)
  const first = host.message('{{hang}}')
  await host.line((line) => kindOf(line) === 'system status')
  host.control({ subtype: 'interrupt' })
  assert.equal((await host.ended(first)).state, 'cancelled')
  host.message('{{hang ignore_interrupt ignore_term}}')
  await host.line((line) => kindOf(line) === 'system status', host.lines.length)
  const before = host.lines.length
  host.control({ subtype: 'interrupt' })
  await host.line((line) => line.type === 'control_response', before)
  host.process.kill('SIGTERM')
  host.control({ subtype: 'nonsense' })
  const refusal = await host.line((line) => JSON.stringify(line).includes('Unsupported control request subtype: nonsense'))
  assert.equal(refusal.type, 'control_response')
  assert.equal(resultsOf(host).length, 1)
})

test('demo agent - dies at each point of a script, and the model has seen the message only behind `seen`', async (t) => {
  const points = ['queued', 'started', 'init', 'requesting', 'seen', 'first', 'text', 'assistant', 'result', 'completed']
  for (const point of points) {
    const host = startScripted(t)
    host.message(`{{crash=${point} tokens=3}}`)
    assert.deepEqual(await host.exit, { code: null, signal: 'SIGKILL' }, point)
    assert.equal(host.seen().length, points.indexOf(point) < points.indexOf('seen') ? 0 : 1, point)
    assert.equal(resultsOf(host).length, points.indexOf(point) < points.indexOf('result') ? 0 : 1, point)
  }
  const host = startScripted(t)
  host.message('{{tokens=9 crash_after=4}}')
  await host.exit
  assert.equal(host.lines.filter((line) => kindOf(line) === 'event content_block_delta').length, 4)
})

test('demo agent - leaves with a status and last words when told to', async (t) => {
  const host = startScripted(t)
  host.message('{{exit=3 at=text stderr="it broke" tokens=2}}')
  assert.deepEqual(await host.exit, { code: 3, signal: null })
  assert.match(host.stderr(), /it broke/)
  assert.equal(resultsOf(host).length, 0)
})

test('demo agent - gives the status 1 at the end when its last result was an error', async (t) => {
  const host = startScripted(t)
  const uuid = host.message('{{api_error="API Error: 400 no"}}')
  assert.equal((await host.ended(uuid)).state, 'cancelled')
  const [result] = resultsOf(host)
  assert.deepEqual([result?.subtype, result?.is_error, result?.result], ['success', true, 'API Error: 400 no'])
  assert.deepEqual(await host.close(), { code: 1, signal: null })
})

test('demo agent - answers with many bytes, nothing, thinking, and a text that supersedes its deltas', async (t) => {
  const host = startScripted(t)
  await host.ended(host.message('{{size=3000000}}'))
  await host.ended(host.message('{{empty}}'))
  await host.ended(host.message('{{thinking="hm hm" say="well then"}}'))
  await host.ended(host.message('{{tokens=4 supersede="something else"}}'))
  await host.ended(host.message('{{garbage long_line=200000 retry=2 tokens=1 stderr_flood=300000}}'))
  assert.deepEqual(
    resultsOf(host).map(({ result }) => result?.length),
    [3_000_000, 0, 9, 14, 2],
  )
  assert.equal(host.lines.filter((line) => line.subtype === 'api_retry').length, 2)
  assert.equal(host.lines.filter((line) => line.type === 'no json').length, 2)
  assert.ok(host.stderr().length >= 300_000)
  await host.close()
})

test('demo agent - runs a tool that outlives a kill and dies of an interrupt', async (t) => {
  for (const end of ['SIGKILL', 'interrupt'] as const) {
    const host = startScripted(t)
    const file = join(host.place.cwd, 'pid')
    const uuid = host.message('{{tool=Bash command="echo $$ > pid; exec sleep 60"}}')
    const pid = await eventually(() => Number(existsSync(file) && readFileSync(file, 'utf8')))
    if (end === 'SIGKILL') {
      host.process.kill('SIGKILL')
      await host.exit
      assert.ok(process.kill(pid, 0), 'still there')
      process.kill(pid, 'SIGKILL')
    } else {
      host.control({ subtype: 'interrupt' })
      await host.ended(uuid)
      assert.equal(resultsOf(host)[0]?.terminal_reason, 'aborted_tools')
      await host.close()
    }
    await eventually(() => !isAlive(pid))
  }
})

test('demo agent - starts a turn of its own when a background task ends, and keeps a message out of it', async (t) => {
  const host = startScripted(t)
  const first = host.message('{{tool=Bash command="sleep 0.1" background tokens=1 own_tokens=20 own_delay_ms=10}}')
  await host.ended(first)
  await host.line(isDelta(' t5'))
  const second = host.message('mine')
  await host.ended(second)
  const [asked, own, mine] = resultsOf(host)
  assert.equal(asked?.origin, undefined)
  assert.equal(own?.origin?.kind, 'task-notification')
  assert.equal(own?.user_message_uuids, undefined)
  assert.deepEqual([mine?.result, mine?.user_message_uuids], ['echo: mine', [second]])
  assert.equal(host.seen().length, 2, 'its own turn is no message')
  await host.close()
})

test('demo agent - waits for a background task at the end of file', async (t) => {
  const host = startScripted(t)
  host.message('{{own_turn_after_ms=200 tokens=1}}')
  await host.line((line) => line.type === 'result')
  assert.deepEqual(await host.close(), { code: 0, signal: null })
  assert.equal(resultsOf(host).at(-1)?.result, 'own t0 t1')
})

test('demo agent - fails loudly on a script with a slip', async (t) => {
  const host = startScripted(t)
  host.message('{{tokens=many}}')
  assert.equal((await host.exit).code, 1)
  assert.match(host.stderr(), /directive tokens=many is not a number/)
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('demo agent - stamps each delta with the moment it wrote it, and repeats the stamps in the whole text', async (t) => {
  const host = startScripted(t)
  const nowUs = () => Number(process.hrtime.bigint() / 1_000n)
  const before = nowUs()
  await host.ended(host.message('{{tokens=3 label=hi delay_ms=5 stamp}}'))
  const words = host.lines.flatMap((line) => line.event?.delta?.text ?? [])
  const stamps = words.map((word) => Number(/^(?:hi| t\d)@(\d+)$/.exec(word)?.[1]))
  assert.equal(stamps.length, 4)
  for (const [index, stamp] of stamps.entries()) assert.ok(stamp > (stamps[index - 1] ?? before) && stamp < nowUs(), words.join())
  assert.equal(resultsOf(host)[0]?.result, words.join(''))
  await host.close()
})
