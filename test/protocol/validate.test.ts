import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { table } from '../../protocol/contract.ts'
import type { ServiceError } from '../../protocol/errors.ts'
import { BotId, ChatId, EventId } from '../../protocol/identifiers.ts'
import { type InputIssue, parseInput } from '../../protocol/validate.ts'
import fc from '../property.ts'

const spec = {
  input: z.object({ chat_id: ChatId, limit: z.number().int().max(5).default(2), tags: z.array(z.string()).optional() }),
}

const issuesOf = (input: unknown): readonly InputIssue[] => {
  try {
    parseInput(spec, input)
  } catch (error) {
    assert.equal((error as ServiceError).code, 'invalid_input')
    return ((error as ServiceError).data as { issues: InputIssue[] }).issues
  }
  return []
}

test('input - defaults are applied and what is not declared is dropped', () => {
  assert.deepEqual(parseInput(spec, { chat_id: '-42', more: true }), { chat_id: '-42', limit: 2 })
})

test('input - every fault is told, with its place; a field that is not there is missing', () => {
  const issues = issuesOf({ limit: 9, tags: ['a', 7] })
  assert.deepEqual(
    issues.map(({ path, code, expected }) => ({ path, code, expected })),
    [
      { path: ['chat_id'], code: 'missing', expected: 'string' },
      { path: ['limit'], code: 'too_big', expected: undefined },
      { path: ['tags', 1], code: 'invalid_type', expected: 'string' },
    ],
  )
})

test('input - what is no object at all is told, too', () => {
  for (const input of [null, 'text', 7, [], true])
    assert.deepEqual(
      issuesOf(input).map(({ path, code }) => [path.length, code]),
      [[0, 'invalid_type']],
    )
  assert.deepEqual(
    issuesOf(undefined).map(({ code }) => code),
    ['missing'],
  )
})

test('input - anything whatever is taken or refused with invalid_input, for every method', () => {
  fc.assert(
    fc.property(fc.constantFrom(...table), fc.anything(), (row, input) => {
      try {
        parseInput(row, input)
      } catch (error) {
        assert.equal((error as ServiceError).code, 'invalid_input')
        JSON.stringify((error as ServiceError).data)
      }
    }),
    { numRuns: 1_000 },
  )
})

test('identifiers - what could leave its folder, or is no one path segment, is refused', () => {
  const bad = [
    '',
    '.',
    '..',
    '../x',
    'a/b',
    '/etc',
    'a\\..',
    'a..b',
    'a.',
    '.a',
    'a\0',
    'a\n',
    'x'.repeat(129),
    'x'.repeat(10_000),
    'ä',
    'a b',
    '-1/..',
    '\u202e',
  ]
  for (const id of bad) {
    assert.equal(BotId.safeParse(id).success, false, JSON.stringify(id))
    assert.equal(ChatId.safeParse(id).success, false, JSON.stringify(id))
  }
  for (const id of ['default', '-1001234567890', 'my_bot', 'a.b-c', 'x'.repeat(128), '0']) assert.equal(ChatId.parse(id), id)
})

test('identifiers - an event is named by three numbers', () => {
  for (const id of ['1.0.0', '12.345678901234567.1'.slice(0, 15)])
    assert.equal(EventId.safeParse(id).success, /^\d+\.\d+\.\d+$/.test(id), id)
  for (const id of ['', '1', '1.2', '1.2.3.4', '-1.2.3', '1.2.x', ' 1.2.3', `${'9'.repeat(16)}.1.1`])
    assert.equal(EventId.safeParse(id).success, false, id)
})
