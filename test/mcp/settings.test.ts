/** The settings of the MCP server. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSettings } from '../../mcp/settings.ts'

test('mcp settings - have the defaults that configurations rely on; empty is absent', () => {
  assert.deepEqual(parseSettings({ MCB_BOT_ID: '', GATEWAY_TOKEN: '' }), {
    api_base: 'http://127.0.0.1:8000/api',
    token: undefined,
    timeout_ms: 30_000,
    gateway_timeout_ms: 960_000,
    bot_id: 'default',
    meta_loop_base: undefined,
    chat: undefined,
    turn_file: undefined,
  })
})

test('mcp settings - MCB_TOKEN comes before the password of the URL, and that before GATEWAY_TOKEN', () => {
  const MCB_API_BASE = 'http://x:in-url@box:8000/api/'
  const all = { MCB_API_BASE, MCB_TOKEN: 'own', GATEWAY_TOKEN: 'general' }
  assert.equal(parseSettings(all).token, 'own')
  assert.equal(parseSettings({ ...all, MCB_TOKEN: undefined }).token, 'in-url')
  assert.equal(parseSettings({ GATEWAY_TOKEN: 'general' }).token, 'general')
  assert.equal(parseSettings(all).api_base, 'http://box:8000/api')
})

test('mcp settings - a bare % in the password of the URL is a fault that says how to write it', () => {
  assert.throws(
    () => parseSettings({ MCB_API_BASE: 'http://x:hush%hush@box:8000/api' }),
    ({ message }: Error) => /MCB_API_BASE: .*write it as %25/.test(message) && !message.includes('hush'),
  )
  assert.equal(parseSettings({ MCB_API_BASE: 'http://x:hush%25hush@box:8000/api' }).token, 'hush%hush')
})

test('mcp settings - tell all faults at once, by name and without a value', () => {
  const wrong = { MCB_API_BASE: 'ftp://secret', MCB_MCP_TIMEOUT: 'soon', MCB_TOKEN: 'with space' }
  assert.throws(
    () => parseSettings(wrong),
    ({ message }: Error) => {
      for (const name of Object.keys(wrong)) assert.match(message, new RegExp(name))
      assert.doesNotMatch(message, /secret|soon|with space/)
      return true
    },
  )
})
