/** The panel's files, as the edge serves them: those that are there, with what a browser may do with them, and nothing else. */
import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { readPanel } from '../../gateway-edge/http/panel.ts'
import { checkLeaks, type Scope, tempDir } from '../harness.ts'
import { test } from './each-adapter.ts'
import { type House, openHouse, openRaw } from './house.ts'

checkLeaks()

const TOKEN = 'correct-horse-battery-staple'
const PAGE = '<!doctype html><title>Panel 面板</title><script type="module" src="/assets/index-abc.js"></script>'

const openWithPanel = async (t: Scope, token?: string): Promise<House> => {
  const folder = path.join(tempDir(t), 'web')
  mkdirSync(path.join(folder, 'assets'), { recursive: true })
  writeFileSync(path.join(folder, '..', 'secret.js'), 'secret')
  writeFileSync(path.join(folder, 'index.html'), PAGE)
  writeFileSync(path.join(folder, '.switchboard-build'), 'secret')
  writeFileSync(path.join(folder, 'assets', 'index-abc.js'), 'export const word = "面板"')
  writeFileSync(path.join(folder, 'assets', 'notes.txt'), 'secret')
  symlinkSync(path.join(folder, '..', 'secret.js'), path.join(folder, 'link.js'))
  return await openHouse(t, { panel: readPanel(folder), ...(token === undefined ? {} : { access: { token } }) })
}

test('panel - the page and its assets are served, each with its type and its life in caches', async (t) => {
  const house = await openWithPanel(t)
  const page = await house.get('/')
  assert.deepEqual([page.status, page.text, page.headers.get('content-type')], [200, PAGE, 'text/html; charset=utf-8'])
  assert.equal(page.headers.get('cache-control'), 'no-cache')
  assert.match(page.headers.get('content-security-policy') ?? '', /^default-src 'none'; script-src 'self';/)
  const asset = await house.get('/assets/index-abc.js')
  assert.deepEqual([asset.status, asset.text], [200, 'export const word = "面板"'])
  assert.equal(asset.headers.get('content-type'), 'text/javascript; charset=utf-8')
  assert.match(asset.headers.get('cache-control') ?? '', /immutable/)
  assert.equal(asset.headers.get('x-content-type-options'), 'nosniff')
  const plain = openRaw(
    t,
    house.edge.port,
    `GET /assets/index-abc.js HTTP/1.1\r\nHost: 127.0.0.1:${house.edge.port}\r\nConnection: close\r\n\r\n`,
  )
  await plain.over
  assert.match(plain.text(), /\r\n\r\nexport const word = "面板"$/)
  assert.deepEqual([page.headers.get('content-encoding'), asset.headers.get('vary')], ['gzip', 'accept-encoding'])
  const head = await fetch(`${house.url}/`, { method: 'HEAD' })
  assert.deepEqual([head.status, await head.text()], [200, ''])
  assert.equal((await house.post('/', {})).status, 404)
})

test('panel - no path leads to another file', async (t) => {
  const house = await openWithPanel(t)
  const paths = [
    '/index.html',
    '/.switchboard-build',
    '/link.js',
    '/assets',
    '/assets/',
    '/assets/notes.txt',
    '/assets/../index.html',
    '/assets/..%2findex.html',
    '/assets/%2e%2e/secret.js',
    '/assets/..\\index.html',
    '/assets/index-abc.js%00',
    '//assets/index-abc.js',
    '/../secret.js',
  ]
  for (const target of paths) {
    const { over, text } = openRaw(
      t,
      house.edge.port,
      `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${house.edge.port}\r\nConnection: close\r\n\r\n`,
    )
    await over
    assert.doesNotMatch(text(), /secret|面板/, target)
    assert.match(text(), /^HTTP\/1\.1 (4\d\d|307)/, target)
  }
})

test('panel - with a token set its files need none, and nothing but its files', async (t) => {
  const house = await openWithPanel(t, TOKEN)
  assert.equal((await house.get('/')).status, 200)
  assert.equal((await house.get('/?a=b')).status, 200)
  assert.equal((await house.get('/assets/index-abc.js')).status, 200)
  for (const target of ['/assets/other.js', '/assets', '/health', '/api/gateway/sessions', '/nope'])
    assert.equal((await house.get(target)).status, 401, target)
  // From where it may come is asked all the same.
  assert.equal((await house.get('/', { origin: 'https://evil.example' })).status, 403)
  const raw = openRaw(t, house.edge.port, 'GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n')
  await raw.over
  assert.match(raw.text(), /^HTTP\/1\.1 403/)
})

test('panel - where it was not built there is none, and everything else is as it was', async (t) => {
  assert.equal(readPanel(path.join(tempDir(t), 'nothing')), undefined)
  const house = await openHouse(t)
  assert.deepEqual((await house.get('/')).json, { detail: 'Not Found' })
})
