/** A file as an answer: every byte, on both servers, with headers that let a browser show it and nothing more. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { fileHeaders } from '../../gateway-edge/http/file.ts'
import { checkLeaks } from '../harness.ts'
import { test } from './each-adapter.ts'
import { openHouse } from './house.ts'

checkLeaks()

/** Every byte, and more of them than one write takes. */
const BYTES = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 7) % 256)
const FILE = { content_type: 'application/pdf', name: 'daily "cn"\r\n日.pdf', bytes: BYTES }

test('file - arrives byte by byte, under a name that cannot break its header', async (t) => {
  const house = await openHouse(t, { answers: { reports: { pdf: async () => FILE } } })
  const response = await fetch(`${house.url}/api/reports/${randomUUID()}/pdf`)
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'application/pdf')
  assert.equal(response.headers.get('content-disposition'), 'inline; filename="daily cn.pdf"')
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
  assert.deepEqual(new Uint8Array(await response.arrayBuffer()), BYTES)
  const head = await fetch(`${house.url}/api/reports/nonsense/pdf`)
  assert.equal(head.status, 422)
  assert.equal(fileHeaders(FILE)['cache-control'], 'private, no-cache')
})
