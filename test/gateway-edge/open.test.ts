import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openNodeServer } from '../../gateway-edge/server/node.ts'
import { chooseServer } from '../../gateway-edge/server/open.ts'
import { openUwsServer } from '../../gateway-edge/server/uws.ts'

const noBinary = (): never => {
  throw new Error('This version of uWS.js supports only other systems')
}

test('open - uWebSockets.js is taken where it loads, node:http elsewhere, and either when asked for', () => {
  assert.equal(
    chooseServer('auto', () => ({})),
    openUwsServer,
  )
  assert.equal(chooseServer('auto', noBinary), openNodeServer)
  assert.equal(
    chooseServer('node', () => ({})),
    openNodeServer,
  )
  assert.equal(chooseServer('uws', noBinary), openUwsServer)
})
