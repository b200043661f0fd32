import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { test } from 'node:test'
import { readHarnessFiles } from '../../../../services/sessions/harness/files.ts'
import { countTasks, isAllDone, readHarness, readTasks, toHarnessStatus } from '../../../../services/sessions/harness/progress.ts'
import { checkLeaks, eventually, tempDir } from '../../../harness.ts'
import fc from '../../../property.ts'
import { makePlaces, toTasks, writeHarness } from './project.ts'

checkLeaks()

const POINTER = '.harness_project_dir'

test('harness - the counts are those that clients know', (t) => {
  const { base, cwd } = makePlaces(t)
  writeHarness(cwd, toTasks(['done/p0', 'in_progress/p1', 'pending/p0', 'blocked/p1']))
  const harness = readHarness(cwd, base)
  assert.equal(harness?.dir, cwd)
  assert.deepEqual(harness && toHarnessStatus(harness), {
    project_name: 'demo',
    current_phase: 'build',
    ...{ total: 4, done: 1, in_progress: 1, blocked: 1, pending: 1 },
    phases: {
      p0: { total: 2, done: 1, in_progress: 0, blocked: 0, pending: 1 },
      p1: { total: 2, done: 0, in_progress: 1, blocked: 1, pending: 0 },
    },
  })
})

test('harness - what is missing has a default, and a status nobody knows counts in the total only', () => {
  const one = { total: 1, done: 0, in_progress: 0, blocked: 0, pending: 0 }
  const told = (tasks: unknown[]) => countTasks(JSON.stringify({ tasks }))
  const unknown = { project_name: 'unknown', current_phase: 'unknown' }
  assert.deepEqual(told([{}]), { ...unknown, ...one, pending: 1, phases: { unknown: { ...one, pending: 1 } } })
  assert.deepEqual(told([{ status: 'Done', phase: 'a' }]), { ...unknown, ...one, phases: { a: one } })
  assert.deepEqual(told([{ status: null, phase: 7 }]), { ...unknown, ...one, phases: { unknown: one } })
  assert.deepEqual(told([{ status: 'total' }]), { ...unknown, ...one, phases: { unknown: one } })
  assert.deepEqual(told([]), { ...unknown, ...one, total: 0, phases: {} })
  assert.equal(countTasks('{"metadata":{"project_name":5,"current_phase":[]},"tasks":[]}')?.project_name, 'unknown')
})

test('harness - all done is never said of a plan without tasks', () => {
  assert.equal(isAllDone({ total: 0, done: 0 }), false)
  assert.equal(isAllDone({ total: 2, done: 1 }), false)
  assert.equal(isAllDone({ total: 2, done: 2 }), true)
})

test('harness - a text that is no tasks.json is none', () => {
  const wrong = ['', 'x', 'null', '5', '[]', '"tasks"', '{}', '{"tasks":{}}', '{"tasks":null}', '{"tasks":["do it"]}']
  for (const text of [...wrong, '{"tasks":[null]}', '{"tasks":[[]]}', '{"tasks":[{}', '{"tasks":[{}]}}']) {
    assert.equal(countTasks(text), null, text)
  }
})

test('harness - deep, huge and queerly named content is counted or refused, and does no more', () => {
  const deep = '['.repeat(1_000_000) + ']'.repeat(1_000_000)
  assert.equal(countTasks(`{"tasks":[{"status":"done","x":${deep}}]}`)?.done, 1)
  assert.equal(countTasks(`{"tasks":${deep}}`), null)
  assert.equal(countTasks(`{"tasks":[${'{},'.repeat(500_000)}{}]}`)?.pending, 500_001)
  const many = countTasks(JSON.stringify({ tasks: Array.from({ length: 5_000 }, (_, index) => ({ phase: `p${index}` })) }))
  assert.equal(many?.total, 5_000)
  assert.equal(Object.keys(many?.phases ?? {}).length, 100)
  const long = countTasks(JSON.stringify({ metadata: { project_name: 'n'.repeat(1e6) }, tasks: [{ phase: 'x'.repeat(1e6) }] }))
  assert.ok(JSON.stringify(long).length < 1_000)
  const queer = countTasks(
    '{"metadata":{"__proto__":{"project_name":"x"}},"tasks":[{"phase":"__proto__"},{"phase":"constructor"}]}',
  )
  assert.deepEqual(Object.keys(queer?.phases ?? {}), ['__proto__', 'constructor'])
  assert.equal(queer?.project_name, 'unknown')
  assert.equal(({} as Record<string, unknown>).pending, undefined)
})

test('harness - property: any JSON is counted or refused, and the counts add up', () => {
  const status = fc.constantFrom('done', 'in_progress', 'blocked', 'pending', 'odd', undefined, null, 3)
  const task = fc.record({ status, phase: fc.oneof(fc.string({ maxLength: 3 }), fc.constant('__proto__')) })
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json(),
        fc.array(task, { maxLength: 40 }).map((tasks) => JSON.stringify({ tasks })),
      ),
      (text) => {
        const counts = countTasks(text)
        if (counts === null) return
        const { total, done, in_progress, blocked, pending, phases } = counts
        assert.ok(done + in_progress + blocked + pending <= total)
        const sum = Object.values(phases).reduce((all, phase) => all + phase.total, 0)
        assert.equal(sum, total)
        for (const number of [total, done, in_progress, blocked, pending]) assert.ok(Number.isInteger(number) && number >= 0)
      },
    ),
  )
})

test('harness - no folder, no file, a torn file, one past 4 MB: none', (t) => {
  const { base, cwd } = makePlaces(t)
  assert.equal(readHarness(cwd, base), null)
  assert.equal(readHarness(path.join(cwd, 'gone'), base), null)
  assert.equal(readHarnessFiles(cwd, base), null)
  const file = writeHarness(cwd, toTasks(['done']).slice(0, -5))
  assert.equal(readHarness(cwd, base), null)
  const padded = (bytes: number): string => `{"tasks":[]${' '.repeat(bytes - 12)}}`
  writeFileSync(file, padded(4 * 1024 * 1024 + 1))
  assert.equal(readHarness(cwd, base), null)
  writeFileSync(file, padded(4 * 1024 * 1024))
  assert.equal(readHarness(cwd, base)?.total, 0)
  rmSync(path.dirname(file), { recursive: true })
  assert.equal(readHarness(cwd, base), null)
})

test('harness - in the place of a file a folder, FIFO, socket or link is nothing, and nobody waits', async (t) => {
  const { base, cwd, outside } = makePlaces(t)
  const file = writeHarness(cwd, '')
  writeHarness(outside, toTasks(['done']))
  const secret = path.join(outside, 'secret.md')
  writeFileSync(secret, 'a secret')
  const folder = path.dirname(file)
  const server = createServer()
  const inPlace: Record<string, (target: string) => void | Promise<void>> = {
    folder: (target) => void mkdirSync(target),
    fifo: (target) => void execFileSync('mkfifo', [target]),
    link: (target) => symlinkSync(target.endsWith('tasks.json') ? path.join(outside, '.harness', 'tasks.json') : secret, target),
    loop: (target) => symlinkSync(target, target),
    device: (target) => symlinkSync('/dev/zero', target),
    socket: (target) => new Promise((resolve) => server.listen(target, resolve)),
  }
  for (const [kind, make] of Object.entries(inPlace)) {
    for (const name of kind === 'socket' ? ['tasks.json'] : ['tasks.json', 'config.json', 'progress.md']) {
      rmSync(path.join(folder, name), { recursive: true, force: true })
      await make(path.join(folder, name))
    }
    const from = performance.now()
    assert.equal(readHarness(cwd, base), null, kind)
    const files = readHarnessFiles(cwd, base)
    if (kind !== 'socket') assert.deepEqual(files, { config: null, progress: null, tasks: null }, kind)
    assert.ok(performance.now() - from < 1_000, kind)
  }
  await new Promise((resolve) => server.close(resolve))
})

test('harness - a harness folder that is a link is none', (t) => {
  const { base, cwd, other } = makePlaces(t)
  writeHarness(other, toTasks(['done']))
  symlinkSync(path.join(other, '.harness'), path.join(cwd, '.harness'))
  assert.equal(readHarness(cwd, base), null)
  assert.equal(readHarnessFiles(cwd, base), null)
})

test('harness - the pointer leads to a project elsewhere, as long as that can be read', (t) => {
  const { base, cwd, outside } = makePlaces(t)
  writeHarness(cwd, toTasks(['pending']))
  const file = writeHarness(outside, toTasks(['done', 'done']))
  writeHarness(outside, 'notes', 'progress.md')
  const point = (text: string): void => writeFileSync(path.join(cwd, POINTER), text)
  const found = (): string | undefined => readHarness(cwd, base)?.dir
  point(`${outside}\n`)
  assert.equal(found(), outside)
  assert.equal(readHarnessFiles(cwd, base)?.progress, 'notes')
  for (const text of [
    '',
    '\n',
    'outside',
    '../../../outside',
    `${outside}\0`,
    `${outside}/gone`,
    `${outside}\n${outside}`,
    '/'.repeat(5_000),
  ]) {
    point(text)
    assert.equal(found(), cwd, JSON.stringify(text.slice(0, 40)))
  }
  point(outside)
  rmSync(file)
  assert.equal(found(), cwd)
})

test('harness - the pointer never leads into the folder of another chat, and nowhere in a circle', (t) => {
  const { base, cwd, other, outside } = makePlaces(t)
  writeHarness(cwd, toTasks(['pending']))
  for (const dir of [other, base, path.dirname(cwd), `${cwd}~2`]) {
    writeHarness(dir, toTasks(['done', 'done']))
    writeFileSync(path.join(cwd, POINTER), dir)
    assert.equal(readHarness(cwd, base)?.dir, cwd, dir)
  }
  const link = path.join(outside, 'innocent')
  symlinkSync(other, link)
  writeFileSync(path.join(cwd, POINTER), link)
  assert.equal(readHarness(cwd, base)?.dir, cwd)
  const own = path.join(cwd, 'project')
  mkdirSync(own)
  writeHarness(own, toTasks(['done']))
  writeFileSync(path.join(cwd, POINTER), own)
  assert.equal(readHarness(cwd, base)?.dir, own)
  writeFileSync(path.join(cwd, POINTER), cwd)
  assert.equal(readHarness(cwd, base)?.dir, cwd)
  rmSync(path.join(cwd, POINTER))
  execFileSync('mkfifo', [path.join(cwd, POINTER)])
  assert.equal(readHarness(cwd, base)?.dir, cwd)
})

test('harness - a file that changes is counted anew, even with the same size and time', (t) => {
  const { base, cwd } = makePlaces(t)
  const file = writeHarness(cwd, toTasks(['pending']))
  const at = new Date(Date.now() - 3_600_000)
  const set = (status: string): void => {
    writeFileSync(file, toTasks([status]))
    utimesSync(file, at, at)
  }
  for (const status of ['blocked', 'pending', 'blocked']) {
    set(status)
    const told = readHarness(cwd, base)
    assert.deepEqual([told?.blocked, told?.pending], status === 'blocked' ? [1, 0] : [0, 1])
  }
})

test('harness - a file that has settled is counted once, until another takes its name', async (t) => {
  const { base, cwd } = makePlaces(t)
  const file = writeHarness(cwd, toTasks(['blocked']))
  const isRemembered = (): boolean => {
    const told = readTasks(cwd)
    return told === readTasks(cwd)
  }
  assert.equal(isRemembered(), false)
  await eventually(isRemembered)
  const fresh = path.join(tempDir(t), 'fresh')
  writeFileSync(fresh, toTasks(['pending']))
  renameSync(fresh, file)
  assert.equal(readHarness(cwd, base)?.pending, 1)
  writeFileSync(file, '')
  assert.equal(readHarness(cwd, base), null)
})

test('harness - the beginnings of the three files stand before a prompt, cut where they must be', (t) => {
  const { base, cwd } = makePlaces(t)
  writeHarness(cwd, '{"a":1}', 'config.json')
  assert.deepEqual(readHarnessFiles(cwd, base), { config: '{"a":1}', progress: null, tasks: null })
  writeHarness(cwd, '\uFEFF  \n', 'progress.md')
  assert.equal(readHarnessFiles(cwd, base)?.progress, null)
  writeHarness(cwd, `${'a'.repeat(499)}😀 and more`, 'progress.md')
  assert.equal(readHarnessFiles(cwd, base)?.progress, `${'a'.repeat(499)}\n[cut here, the file goes on]`)
  writeHarness(cwd, '界'.repeat(2_000))
  assert.equal(readHarnessFiles(cwd, base)?.tasks, '界'.repeat(2_000))
  writeHarness(cwd, '界'.repeat(3_000_000))
  assert.equal(readHarnessFiles(cwd, base)?.tasks, `${'界'.repeat(2_000)}\n[cut here, the file goes on]`)
})
