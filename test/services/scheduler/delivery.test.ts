import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { ServiceError } from '../../../protocol/errors.ts'
import { postWebhook, refusalOf, webhookFault } from '../../../services/scheduler/webhook.ts'
import { atEnd, checkLeaks, eventually, type Scope } from '../../harness.ts'
import { keptBy } from '../runtime/kept-by.ts'
import { openRig } from './rig.ts'

checkLeaks()

interface Got {
  readonly key: string | undefined
  readonly type: string | undefined
  readonly body: Record<string, unknown>
}

const openHook = async (t: Scope, answer: (response: ServerResponse, nth: number) => void) => {
  const got: Got[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (piece: string) => (text += piece))
    request.on('end', () => {
      got.push({
        key: request.headers['idempotency-key'] as string,
        type: request.headers['content-type'],
        body: JSON.parse(text),
      })
      answer(response, got.length)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, async () => {
    server.closeAllConnections()
    await new Promise<void>((resolve) => void server.close(() => resolve()))
  })
  return { got, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?secret=s3cret` }
}

const noon = { cron_expression: '0 12 * * *' }

test('delivery - a webhook gets the run as JSON under its id, and again after a failure, with longer and longer waits', async (t) => {
  const hook = await openHook(t, (response, nth) => response.writeHead(nth < 3 ? 500 : 200).end('not yet'))
  const rig = await openRig(t)
  const job_id = await rig.create({ ...noon, name: 'report', command: 'echo hi', delivery: { kind: 'webhook', url: hook.url } })
  const { run_id } = await rig.call('run', { job_id })
  const stateOf = async () => (await rig.call('get_run', { run_id })).delivery
  await eventually(async () => (await stateOf()).reason !== null)
  const first = await stateOf()
  assert.deepEqual([first.state, first.attempts], ['pending', 1])
  assert.match(first.reason ?? '', /^127\.0\.0\.1:\d+ answered 500: not yet$/)
  rig.pass(29)
  assert.equal(hook.got.length, 1)
  rig.pass(1)
  await eventually(() => hook.got.length === 2)
  await eventually(async () => (rig.deliveries()[0]?.next_at ?? 0) === rig.now + 60_000)
  rig.pass(60)
  await eventually(async () => (await stateOf()).state === 'delivered')
  assert.deepEqual(new Set(hook.got.map(({ key }) => key)), new Set([run_id]))
  const { body, type } = hook.got[2] as Got
  assert.equal(type, 'application/json')
  assert.deepEqual(
    [body.run_id, body.job_id, body.job_name, body.state, body.result, body.success],
    [run_id, job_id, 'report', 'ran', 'hi\n', 1],
  )
  assert.equal((await rig.call('get_run', { run_id })).state, 'ran')
})

test('delivery - a refusal ends it with the reason, and a day is the longest that it is tried', async (t) => {
  const gone = await openHook(t, (response) => response.writeHead(410).end())
  const dead = await openHook(t, (response) => response.destroy())
  const rig = await openRig(t)
  const one = await rig.create({ ...noon, command: 'true', delivery: { kind: 'webhook', url: gone.url } })
  const two = await rig.create({ ...noon, command: 'true', delivery: { kind: 'webhook', url: dead.url } })
  const refused = await rig.call('run', { job_id: one })
  const broken = await rig.call('run', { job_id: two })
  const settled = async (run_id: string) =>
    await eventually(async () => {
      const { delivery } = await rig.call('get_run', { run_id })
      return delivery.state === 'failed' ? delivery : undefined
    })
  assert.match((await settled(refused.run_id)).reason ?? '', /answered 410/)
  await eventually(() => dead.got.length === 1 && rig.deliveries().some(({ reason }) => reason?.includes('could not be called')))
  rig.now += 25 * 3_600_000
  rig.tick()
  const last = await settled(broken.run_id)
  assert.equal(last.attempts, 2)
  assert.ok(!rig.lines.join('').includes('s3cret'), 'no part of the address but its host is in the log')
  assert.ok(!(last.reason ?? '').includes('s3cret'))
})

test('delivery - a disabled job tells it with the result that disabled it', async (t) => {
  const hook = await openHook(t, (response) => response.writeHead(200).end())
  const rig = await openRig(t)
  const job_id = await rig.create({ ...noon, command: 'exit 2', disable_after: 1, delivery: { kind: 'webhook', url: hook.url } })
  await rig.call('run', { job_id })
  await eventually(() => hook.got.length === 1)
  assert.match(String(hook.got[0]?.body.notice), /disabled after 1 failures in a row/)
})

test('delivery - Telegram is handed to sessions by the id of the run; the token is kept there and never seen again', async (t) => {
  const TOKEN = '123456:very-secret-token'
  const kept: string[] = []
  const delivered: Record<string, unknown>[] = []
  let isDown = true
  const rig = await openRig(t, {
    sessions: {
      keep_token: async ({ bot_token }) => {
        kept.push(bot_token)
        return { token_id: 'tok1' }
      },
      deliver: async (input) => {
        if (isDown) throw new ServiceError('unavailable', 'sessions is not running')
        delivered.push(input)
        return {}
      },
    },
  })
  const job_id = await rig.create({
    ...{ ...noon, name: 'digest', command: 'echo news', bot_id: 'botB' },
    delivery: { kind: 'telegram', chat_id: '42', bot_token: TOKEN },
  })
  assert.deepEqual(kept, [TOKEN])
  assert.deepEqual((await rig.call('get', { job_id })).delivery, { kind: 'telegram', chat_id: '42', url: null })
  // Another chat with the token that is known.
  await rig.call('update', { job_id, delivery: { kind: 'telegram', chat_id: '43' } })
  const { run_id } = await rig.call('run', { job_id })
  await eventually(() => rig.deliveries()[0]?.reason !== null && rig.deliveries().length === 1)
  assert.equal(rig.deliveries()[0]?.state, 'pending')
  isDown = false
  rig.pass(31)
  await eventually(() => rig.deliveries()[0]?.state === 'delivered')
  assert.deepEqual(delivered, [
    {
      delivery_id: run_id,
      owner: `run:${run_id}`,
      bot_id: 'botB',
      chat_id: '43',
      token_id: 'tok1',
      text: '**digest** ran\n\nnews',
    },
  ])
  await rig.close()
  const files = readdirSync(rig.home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const holding = files.filter((entry) => readFileSync(join(entry.parentPath, entry.name)).includes('very-secret'))
  assert.deepEqual(holding, [])
  assert.ok(!rig.lines.join('').includes('very-secret'))
})

test('webhook - addresses inside the house are refused, whatever they look like', () => {
  for (const address of [
    '169.254.169.254',
    '0.0.0.0',
    'fe80::1',
    'fd00:ec2::254',
    '224.0.0.1',
    '255.255.255.255',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
  ])
    assert.notEqual(refusalOf(address, true), null, address)
  for (const address of [
    '127.0.0.1',
    '10.1.2.3',
    '172.31.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '::1',
    '::',
    'fd12::1',
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
  ])
    assert.notEqual(refusalOf(address, false), null, address)
  for (const address of ['127.0.0.1', '10.1.2.3', '::1', 'fd12::1']) assert.equal(refusalOf(address, true), null, address)
  for (const address of ['93.184.215.14', '2606:2800:21f:cb07::1', '172.32.0.1', '8.8.8.8'])
    assert.equal(refusalOf(address, false), null, address)
  for (const url of [
    'ftp://example.org',
    'javascript:1',
    'nonsense',
    'http://user:pw@example.org/',
    'http://127.1/',
    'http://0x7f000001/',
    'http://2130706433/',
    'http://[::1]/',
    'http://[::ffff:7f00:1]/',
  ])
    assert.notEqual(webhookFault(url, false), null, url)
  assert.equal(webhookFault('https://example.org/hook', false), null)
})

test('webhook - a name that leads into the house is refused when it is called, and redirects are not followed', async (t) => {
  const inner = await openHook(t, (response) => response.writeHead(200).end())
  const outer = await openHook(t, (response) => response.writeHead(302, { location: inner.url }).end())
  const named = inner.url.replace('127.0.0.1', 'localhost')
  const refused = await postWebhook(named, '{}', 'k', { allowPrivate: false })
  assert.deepEqual([refused.ok, inner.got.length], [false, 0])
  assert.match(refused.ok ? '' : refused.reason, /CRON_WEBHOOK_PRIVATE/)
  const redirected = await postWebhook(outer.url, '{}', 'k', { allowPrivate: true })
  assert.deepEqual([redirected.ok, inner.got.length, outer.got.length], [false, 0, 1])
})

test('webhook - one that accepts and never answers is given up in time', async (t) => {
  const hook = await openHook(t, () => undefined)
  const posted = await postWebhook(hook.url, '{}', 'k', { allowPrivate: true, timeout_ms: 100 })
  assert.deepEqual(posted.ok ? '' : posted.reason.replace(/:\d+/, ''), '127.0.0.1 could not be called: no answer within 0.1 s')
})

test('delivery - a webhook leaves nothing on the signal that lives as long as the process, answered or not', async (t) => {
  const hook = await openHook(t, (response) => response.end())
  const { signal } = new AbortController()
  for (const url of [hook.url, 'http://127.0.0.1:9/']) await postWebhook(url, '{}', 'k', { allowPrivate: true, signal })
  assert.equal(hook.got.length, 1)
  assert.equal(keptBy(signal), 0)
})
