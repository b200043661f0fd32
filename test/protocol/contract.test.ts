import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contract, rowOf, table } from '../../protocol/contract.ts'
import { isErrorCode } from '../../protocol/errors.ts'
import { inputSchema, outputSchema } from '../../protocol/json-schema.ts'
import type { TopicSpec } from '../../protocol/method.ts'

const SNAKE = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/

const methodCount = Object.values(contract).reduce((sum, { methods }) => sum + Object.keys(methods).length, 0)

/** Property names anywhere in a JSON Schema. */
const propertiesOf = (schema: unknown): string[] => {
  if (typeof schema !== 'object' || schema === null) return []
  const { properties } = schema as { properties?: Record<string, unknown> }
  return [...Object.keys(properties ?? {}), ...Object.values(schema).flatMap(propertiesOf)]
}

const duplicatesOf = (values: readonly string[]): string[] => values.filter((value, index) => values.indexOf(value) !== index)

test('contract - the table has each method of each service once, under its name', () => {
  assert.ok(table.length > 0)
  assert.equal(table.length, methodCount)
  for (const row of table) {
    assert.equal(row.name, `${row.service}.${row.verb}`)
    assert.equal(rowOf(row.name), row)
  }
  for (const name of ['', 'history', 'history.', 'history.toString', 'constructor', '__proto__'])
    assert.equal(rowOf(name), undefined)
})

test('contract - services, methods, topics and fields are named in snake_case', () => {
  for (const [service, { methods, topics }] of Object.entries(contract)) {
    for (const name of [service, ...Object.keys(methods), ...Object.keys(topics)]) assert.match(name, SNAKE)
  }
  for (const row of table) {
    for (const name of [...propertiesOf(inputSchema(row)), ...propertiesOf(outputSchema(row))])
      assert.match(name, SNAKE, row.name)
  }
})

test('contract - each row says what it does, and names only error codes that exist', () => {
  for (const row of table) {
    assert.ok(row.summary.length > 10, row.name)
    for (const code of row.errors ?? []) assert.ok(isErrorCode(code), `${row.name}: ${code}`)
    assert.ok(row.timeout_ms === undefined || (row.timeout_ms > 0 && row.timeout_ms <= 120_000), row.name)
  }
})

test('contract - no two rows share a route or a tool', () => {
  const routes = table.flatMap((row) => (row.http ?? []).map(({ route }) => route.replaceAll(/\{[^}]*\}/g, '{}')))
  assert.deepEqual(duplicatesOf(routes), [])
  const tools = table.flatMap((row) => (row.mcp === undefined ? [] : [row.mcp]))
  assert.deepEqual(duplicatesOf(tools), [])
  for (const tool of tools) assert.match(tool, SNAKE)
})

test('contract - the names in a path are fields of the input', () => {
  for (const row of table) {
    const fields = Object.keys((inputSchema(row) as { properties?: object }).properties ?? {})
    for (const { route } of row.http ?? []) {
      for (const [, name] of route.matchAll(/\{([^}]*)\}/g)) assert.ok(fields.includes(name as string), `${row.name}: {${name}}`)
    }
  }
})

test('contract - what is followed is a long poll of the same service, and the output names it', () => {
  const followed = table.filter((row) => row.follow !== undefined)
  assert.ok(followed.length > 0)
  for (const row of followed) {
    const target = rowOf(`${row.service}.${row.follow?.method}`)
    assert.ok(target?.idempotent, row.name)
    const fields = Object.keys((inputSchema(target) as { properties?: object }).properties ?? {})
    assert.ok(fields.includes('wait_ms'), row.name)
    assert.ok(
      Object.keys((outputSchema(row) as { properties?: object }).properties ?? {}).includes(row.follow?.of ?? ''),
      row.name,
    )
  }
})

test('contract - an interrupt is not repeated by itself: without a turn it would stop the next answer', () => {
  assert.notEqual(rowOf('sessions.interrupt')?.idempotent, true)
})

test('contract - a long poll may be repeated, and is given more time than it waits', () => {
  for (const row of table) {
    const wait = (inputSchema(row) as { properties?: { wait_ms?: { maximum?: number } } }).properties?.wait_ms
    if (wait === undefined) continue
    assert.equal(row.idempotent, true, row.name)
    assert.ok((row.timeout_ms ?? 0) > (wait.maximum ?? Number.POSITIVE_INFINITY), row.name)
  }
})

test('contract - each schema is an object that JSON Schema can tell; a default makes a field optional for callers only', () => {
  for (const row of table) {
    assert.equal((inputSchema(row) as { type?: string }).type, 'object', row.name)
    assert.ok(JSON.stringify(outputSchema(row)).length > 2, row.name)
  }
  const send = rowOf('sessions.send')
  assert.ok(send)
  const { required, properties } = inputSchema(send) as { required: string[]; properties: Record<string, { default?: unknown }> }
  assert.deepEqual(required.sort(), ['chat_id', 'message'])
  assert.equal(properties.bot_id?.default, 'default')
})

test('contract - topics have a payload that is an object', () => {
  for (const { topics } of Object.values(contract)) {
    for (const [name, topic] of Object.entries(topics as Record<string, TopicSpec>)) {
      assert.ok(topic.summary.length > 5, name)
      assert.equal(topic.payload.safeParse('text').success, false, name)
    }
  }
})
