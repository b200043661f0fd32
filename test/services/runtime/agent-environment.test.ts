import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agentEnvironment } from '../../../services/runtime/agent-environment.ts'

test('agent environment - the keys of a cloud are passed on only where it is switched on, in any spelling of it', () => {
  const passes = (flag: string): boolean =>
    'AWS_SECRET_ACCESS_KEY' in agentEnvironment({ CLAUDE_CODE_USE_BEDROCK: flag, AWS_SECRET_ACCESS_KEY: 'x' }, [])
  for (const on of ['1', 'true', 'TRUE', 'yes', 'On', ' 1 ']) assert.ok(passes(on), on)
  for (const off of ['', '0', 'false', 'no', 'off', '10']) assert.ok(!passes(off), off)
  const vertex = agentEnvironment({ CLAUDE_CODE_USE_VERTEX: '1', GOOGLE_PROJECT: 'p', AWS_REGION: 'r', OUR_SECRET: 's' }, [])
  assert.deepEqual(vertex, { CLAUDE_CODE_USE_VERTEX: '1', GOOGLE_PROJECT: 'p' })
})
