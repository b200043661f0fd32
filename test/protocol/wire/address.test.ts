import assert from 'node:assert/strict'
import { test } from 'node:test'
import { busAddress, socketAddress } from '../../../protocol/wire/address.ts'

test('address - names the two sockets of a service', () => {
  assert.equal(socketAddress('/h/run', 'history'), 'ipc:///h/run/history.sock')
  assert.equal(busAddress('/h/run', 'history'), 'ipc:///h/run/history.pub')
})

test('address - a path that the system would cut is refused with advice', () => {
  const longest = `/${'x'.repeat(103 - '/'.length - '/history.sock'.length)}`
  assert.equal(socketAddress(longest, 'history').length, 'ipc://'.length + 103)
  assert.throws(() => socketAddress(`${longest}x`, 'history'), { code: 'invalid_input', message: /shorter SWITCHBOARD_HOME/ })
  assert.throws(() => socketAddress(`/${'ü'.repeat(60)}`, 'history'), { code: 'invalid_input' })
})
