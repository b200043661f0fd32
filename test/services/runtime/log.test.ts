import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServiceError } from '../../../protocol/errors.ts'
import { createLog, secretsOf } from '../../../services/runtime/log.ts'

const capture = (options: { level?: string; secrets?: string[] } = {}) => {
  const lines: string[] = []
  const log = createLog({ service: 'tiny', level: 'debug', ...options, destination: { write: (line) => void lines.push(line) } })
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? 'null') as Record<string, unknown> }
}

test('log - one JSON object a line, with level, moment, service and call id', () => {
  const { log, last } = capture()
  log.child({ call_id: 'c-1' }).warn({ turn_id: 't' }, 'Slow')
  const { time, pid, ...rest } = last()
  assert.deepEqual(rest, { level: 'warn', service: 'tiny', call_id: 'c-1', turn_id: 't', msg: 'Slow' })
  assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  assert.equal(pid, process.pid)
})

test('log - below its level it says nothing', () => {
  const { log, lines } = capture({ level: 'warn' })
  log.info('no')
  assert.deepEqual(lines, [])
})

test('log - fields that are secret by their name are taken out at any depth; counts of tokens stay', () => {
  const { log, last, lines } = capture()
  const secret = 'must-not-be-seen'
  log.info(
    {
      token: secret,
      GATEWAY_TOKEN: secret,
      headers: { authorization: secret, 'set-cookie': [secret], 'x-api-key': secret, cookie: secret },
      list: [{ deep: { password: secret, client_secret: secret } }],
      input_tokens: 12,
      cache_read_tokens: 7,
    },
    'A request',
  )
  assert.doesNotMatch(lines[0] ?? '', /must-not/)
  assert.deepEqual([last().input_tokens, last().cache_read_tokens], [12, 7])
})

test('log - a known secret is taken out of messages and errors, too, also where JSON escapes it', () => {
  const { log, lines } = capture({ secrets: ['s3cret"\\value', 'short'] })
  log.error({ err: new Error('GET https://x/bots3cret"\\value/send failed') }, 'with s3cret"\\value and a short word')
  assert.doesNotMatch(lines[0] ?? '', /s3cret/)
  assert.match(lines[0] ?? '', /\[redacted\]/)
  assert.match(lines[0] ?? '', /short word/)
  JSON.parse(lines[0] ?? '')
})

test('log - an error keeps its code, its data, its stack and its cause', () => {
  const { log, last } = capture()
  log.error({ err: new ServiceError('conflict', 'taken', { cause: new Error('the reason') }) }, 'Failed')
  const err = last().err as Record<string, string>
  assert.equal(err.code, 'conflict')
  assert.match(err.stack ?? '', /taken[\s\S]*the reason/)
})

test('log - a field that refers to itself does not break it', () => {
  const { log, lines } = capture()
  const loop: Record<string, unknown> = {}
  loop.self = loop
  log.info({ loop }, 'Round and round')
  assert.match(lines[0] ?? '', /Round and round/)
})

test('log - which settings are secret', () => {
  const settings = {
    GATEWAY_TOKEN: 'a',
    METRICS_SECRET: 'b',
    SMTP_URL: 'c',
    ANTHROPIC_API_KEY: 'd',
    GATEWAY_PORT: 8_000,
    LOG_LEVEL: 'info',
    OTHER_TOKEN: undefined,
  }
  assert.deepEqual(secretsOf(settings), ['a', 'b', 'c', 'd'])
})
