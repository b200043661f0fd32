/** The loop guard by itself. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { chainHeaders, createChain } from '../../mcp/chain.ts'
import { CHAIN_MAX, parseChain, refusalOf } from '../../protocol/chain.ts'
import { tempDir } from '../harness.ts'

test('mcp chain - is empty outside of chats, and nothing is refused there', async () => {
  const chain = await createChain(undefined, undefined, assert.fail)()
  assert.deepEqual(chain, [])
  assert.equal(refusalOf(chain, 'default/a'), undefined)
  assert.deepEqual(chainHeaders(chain), {})
})

test('mcp chain - is that of the turn, read anew each time, and the own chat behind it', async (t) => {
  const file = path.join(tempDir(t), 'turn.json')
  const chain = createChain('default/c', file, assert.fail)
  writeFileSync(file, JSON.stringify({ chain: 'default/a,default/b' }))
  assert.deepEqual(await chain(), ['default/a', 'default/b', 'default/c'])
  writeFileSync(file, JSON.stringify({ chain: '' }))
  assert.deepEqual(await chain(), ['default/c'])
})

test('mcp chain - a file that is absent, broken or of another shape leaves the own chat', async (t) => {
  const folder = tempDir(t)
  const warnings: string[] = []
  const read = (name: string) => createChain('default/a', path.join(folder, name), (line) => warnings.push(line))()
  assert.deepEqual(await read('absent'), ['default/a'])
  writeFileSync(path.join(folder, 'broken'), '{"chain":')
  assert.deepEqual(await read('broken'), ['default/a'])
  assert.equal(warnings.length, 2)
  for (const text of ['{}', '{"chain":7}', '{"chain":"../../etc,,a"}', '[]']) {
    writeFileSync(path.join(folder, 'other'), text)
    assert.deepEqual(await read('other'), ['default/a'], text)
  }
})

test('mcp chain - refuses the own chat, a chat that waits, and one message too deep; nothing else', () => {
  const chats = ['default/a', 'default/b', 'default/c', 'default/d', 'default/e']
  assert.match(refusalOf(['default/a'], 'default/a') ?? '', /wait for your own answer/)
  assert.match(refusalOf(['default/a', 'default/b'], 'default/a') ?? '', /default\/a → default\/b/)
  assert.equal(refusalOf(['default/a'], 'other/a'), undefined)
  for (let depth = 1; depth <= CHAIN_MAX; depth += 1) assert.equal(refusalOf(chats.slice(0, depth), 'default/z'), undefined)
  assert.match(refusalOf(chats.slice(0, CHAIN_MAX + 1), 'default/z') ?? '', /limit/)
  // Work in the background waits for nobody, so it may go on in the same chat; its depth is bounded all the same.
  assert.equal(refusalOf(['default/a']), undefined)
  assert.match(refusalOf(chats.slice(0, CHAIN_MAX + 1)) ?? '', /limit/)
})

test('mcp chain - what is written is read again, and what is no chat is left out', () => {
  const chain = ['default/-1001', 'bot_2/a.b']
  assert.deepEqual(parseChain(chainHeaders(chain)['x-switchboard-chain'] ?? ''), chain)
  assert.deepEqual(parseChain('a/b,../c,/d,e/,f/g/h, i/j,.k/l'), ['a/b'])
})
