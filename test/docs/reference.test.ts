import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Schema } from '../../gateway-edge/http/openapi-document.ts'
import { table } from '../../protocol/contract.ts'
import { textOf } from '../source-tree.ts'
import { renderReference } from './reference.ts'
import { typeOf } from './type-words.ts'

test('reference - the page is what the contract says (npm run docs writes it)', () => {
  assert.equal(textOf('docs/reference.md'), renderReference())
})

test('reference - every route, tool and method stands in it, and every link leads somewhere', () => {
  const page = renderReference()
  for (const { name, http = [], mcp } of table) {
    assert.ok(page.includes(`\n### ${name}\n`), name)
    for (const { route } of http) assert.ok(page.includes(`\`${route}\``), route)
    if (mcp !== undefined) assert.ok(page.includes(`MCP \`${mcp}\``), mcp)
  }
  const anchors = new Set([...page.matchAll(/^### (\S+)$/gm)].map(([, name = '']) => name.toLowerCase()))
  const links = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor = '']) => anchor)
  assert.ok(links.length > 20)
  assert.deepEqual(
    links.filter((anchor) => !anchors.has(anchor)),
    [],
  )
})

test('reference - types in words', () => {
  const said: readonly (readonly [Schema, string])[] = [
    [{ type: 'string', minLength: 1 }, 'string, not empty'],
    [{ type: 'string', minLength: 1, maxLength: 9 }, 'string, 1 to 9 characters'],
    [{ type: 'integer', minimum: 1, maximum: 5 }, 'whole number from 1 to 5'],
    [{ type: 'number', exclusiveMinimum: 0 }, 'number, above 0'],
    [{ type: 'number', maximum: 3 }, 'number, at most 3'],
    [{ enum: ['a', 'b'] }, '`"a"`, `"b"`'],
    [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, 'string or null'],
    [{ type: 'array', items: { $ref: '#/components/schemas/Turn' } }, 'list of [Turn](#turn)'],
    [{ type: 'object', properties: { a: { type: 'boolean' } }, required: [] }, '{ a?: boolean }'],
    [{ type: 'object', additionalProperties: { type: 'number' } }, 'object of number'],
    [{}, 'anything'],
  ]
  for (const [schema, words] of said) assert.equal(typeOf(schema), words)
})
