/** Errors of the API, as the real CLI passes them on: the user reads what happened and what to do, and the chat goes on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openRig, type Rig, textOf } from '../../crash/rig.ts'
import { startMessagesApi } from '../../fakes/messages-api.ts'
import { freePort } from '../../free-port.ts'
import { atEnd, checkLeaks } from '../../harness.ts'

checkLeaks()

const goesOn = async (rig: Rig): Promise<void> => {
  assert.equal((await rig.ended(await rig.ask('{{label=after tokens=1}} go'))).reply, rig.answerOf('after', 1))
}

/** What the API answers, and what the user reads. The CLI's own retries are cut short: they are tested with the watchdog. */
const REFUSALS: readonly (readonly [directives: string, expected: RegExp])[] = [
  ['status=401 error=authentication_error message="invalid x-api-key"', /Log in again/],
  ['status=403 error=permission_error message="not allowed"', /Log in again/],
  ['status=400 error=invalid_request_error message="Your credit balance is too low to access the API"', /Add credit/],
  ['status=404 error=not_found_error message="model: x"', /CLAUDE_MODEL/],
  ['status=413 error=request_too_large message="too large"', /in parts/],
  ['status=429 error=rate_limit_error message="slow down"', /wait a minute/],
  ['status=500 error=api_error message="boom"', /wait a minute/],
  ['status=529 error=overloaded_error message="Overloaded"', /wait a minute/],
]

test('api errors - each is a failed turn with one clear sentence, and the session stays usable', {
  timeout: 180_000,
}, async (t) => {
  const rig = await openRig(t, 'real', { CLAUDE_CODE_MAX_RETRIES: '0' })
  if (!rig) return
  for (const [directives, expected] of REFUSALS) {
    const turn = await rig.ended(await rig.ask(`{{${directives} times=9}} go`))
    assert.equal(turn.state, 'failed', directives)
    assert.match(turn.reply ?? '', /^\[ERROR\] /)
    assert.match(turn.reply ?? '', expected, directives)
    await goesOn(rig)
  }
  assert.equal(rig.query('SELECT n FROM agents').length, 1, 'one process served them all')
})

test('api errors - a subscription that is used up says when it is back', { timeout: 60_000 }, async (t) => {
  const rig = await openRig(t, 'real', { CLAUDE_CODE_OAUTH_TOKEN: 'test-token', ANTHROPIC_API_KEY: '' })
  if (!rig) return
  const turn = await rig.ended(await rig.ask('{{status=429 error=rate_limit_error message="limit" unified times=9}} go'))
  assert.equal(turn.state, 'failed')
  assert.match(turn.reply ?? '', /limit.*\n.*after the reset/s)
  await goesOn(rig)
})

test('api errors - nobody at the API’s address, and once somebody is there the chat goes on', { timeout: 60_000 }, async (t) => {
  const port = await freePort()
  const rig = await openRig(t, 'real', { CLAUDE_CODE_MAX_RETRIES: '0', ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}` })
  if (!rig) return
  const turn = await rig.ended(await rig.ask('go'))
  assert.equal(turn.state, 'failed')
  assert.match(turn.reply ?? '', /cannot be reached/)
  const api = await startMessagesApi({}, port)
  atEnd(t, () => api.close())
  await goesOn(rig)
})

test('api errors - an API that hangs is given up by the watchdog', { timeout: 60_000 }, async (t) => {
  const rig = await openRig(t, 'real', { GATEWAY_CLAUDE_TIMEOUT: '3' })
  if (!rig) return
  const turn = await rig.ended(await rig.ask('{{hang}} go'))
  assert.equal(turn.state, 'failed')
  assert.match(turn.reply ?? '', /said nothing for/)
  await goesOn(rig)
})

test('api errors - a stream that breaks in mid-answer ends in the whole answer', { timeout: 60_000 }, async (t) => {
  const rig = await openRig(t, 'real')
  if (!rig) return
  for (const how of ['cut_after=3', 'fault_after=3']) {
    const turnId = await rig.ask(`{{label=words tokens=8 ${how} times=1}} go`)
    const events = await rig.follow(turnId)
    assert.equal(textOf(events), rig.answerOf('words', 8), how)
    assert.equal((await rig.sessions.turn({ turn_id: turnId })).reply, rig.answerOf('words', 8))
  }
})

test('api errors - an answer that is cut at the output limit is told whole, with what the CLI has the model add', {
  timeout: 60_000,
}, async (t) => {
  const rig = await openRig(t, 'real')
  if (!rig) return
  const bash = 'tool=Bash command="echo hi"'
  for (const [directives, expected] of [
    ['label=words tokens=3 cuts=1', 'words t0 t1 t2 part2'],
    ['label=more tokens=1 cuts=3', 'more t0 part2 part3 part4'],
    // What is said before a tool is no part of the answer, as ever.
    [`label=tooled tokens=1 cuts=1 ${bash}`, 'tooled t0 part2'],
    ['label=broken tokens=6 cut_after=3 times=1 cuts=1', 'broken t0 t1 t2 t3 t4 t5 part2'],
  ] as const) {
    const turnId = await rig.ask(`{{${directives}}} go`)
    assert.equal(textOf(await rig.follow(turnId)), expected, directives)
    const turn = await rig.sessions.turn({ turn_id: turnId })
    assert.deepEqual([turn.state, turn.reply], ['answered', expected], directives)
  }
  const endless = await rig.ended(await rig.ask('{{label=endless tokens=1 cuts=99}} go'))
  assert.equal(endless.state, 'failed')
  assert.match(endless.reply ?? '', /^\[ERROR\] .*ask for it in parts.*So far Claude had said:\n\nendless t0 part2 part3 part4$/s)
  await goesOn(rig)
})

test('api errors - retries are shown as such', { timeout: 60_000 }, async (t) => {
  const rig = await openRig(t, 'real')
  if (!rig) return
  const events = await rig.follow(await rig.ask('{{label=words tokens=2 status=500 error=api_error message=boom times=2}} go'))
  assert.equal(events.filter((event) => event.type === 'retrying').length, 2)
  assert.equal(textOf(events), rig.answerOf('words', 2))
})
