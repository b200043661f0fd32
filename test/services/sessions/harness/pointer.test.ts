import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { mentionedProject, writePointer } from '../../../../services/sessions/harness/pointer.ts'
import { readHarness } from '../../../../services/sessions/harness/progress.ts'
import { checkLeaks } from '../../../harness.ts'
import { makePlaces, toTasks, writeHarness } from './project.ts'

checkLeaks()

test('pointer - a project that a reply mentions is found, however it is written', (t) => {
  const places = makePlaces(t)
  const file = writeHarness(places.outside, toTasks(['pending']))
  const spaced = path.join(places.outside, 'my project')
  mkdirSync(spaced)
  const spacedFile = writeHarness(spaced, toTasks(['pending']))
  const forms = [
    file,
    `I wrote ${file}.`,
    `see \`${file}\``,
    `"${file}"`,
    `(${file})`,
    `**${file}**`,
    `计划：${file}`,
    `plan: ${file}, done`,
  ]
  for (const reply of [...forms, `first\n${file}\nlast`, `${file} and again ${file}`]) {
    assert.equal(mentionedProject(reply, places), places.outside, reply)
  }
  for (const reply of [`in ${spacedFile}`, spacedFile, `/tmp and then ${spacedFile}`]) {
    assert.equal(mentionedProject(reply, places), spaced, reply)
  }
  assert.equal(mentionedProject(`${'x '.repeat(500_000)}${file}`, places), places.outside)
})

test('pointer - what is not there, not of the shape or not a whole path is no project', (t) => {
  const places = makePlaces(t)
  const file = writeHarness(places.outside, toTasks(['pending']))
  for (const reply of [
    '',
    'nothing',
    `${file}.bak`,
    `${file}x`,
    `.${file}`,
    `~${file}`,
    '/.harness/tasks.json',
    'a/.harness/tasks.json',
  ]) {
    assert.equal(mentionedProject(reply, places), null, reply)
  }
  assert.equal(mentionedProject(`${places.outside}/gone/.harness/tasks.json`, places), null)
  assert.equal(mentionedProject(`${file.slice(0, 5)}\n${file.slice(5)}`, places), null)
  writeFileSync(file, '{"tasks":')
  assert.equal(mentionedProject(file, places), null)
})

test("pointer - neither one's own folder nor another chat's is a project elsewhere", (t) => {
  const { other, outside, ...places } = makePlaces(t)
  for (const dir of [other, places.base, path.dirname(places.cwd), `${places.cwd}~2`]) {
    assert.equal(mentionedProject(writeHarness(dir, toTasks(['pending'])), places), null, dir)
  }
  const own = writeHarness(places.cwd, toTasks(['pending']))
  const link = path.join(outside, 'link')
  symlinkSync(places.cwd, link)
  for (const reply of [own, `${places.cwd}/../1/.harness/tasks.json`, `${link}/.harness/tasks.json`]) {
    assert.equal(mentionedProject(reply, places), null, reply)
  }
  const linkToOther = path.join(outside, 'other')
  symlinkSync(other, linkToOther)
  assert.equal(mentionedProject(`${linkToOther}/.harness/tasks.json`, places), null)
  const below = path.join(places.cwd, 'below')
  mkdirSync(below)
  assert.equal(mentionedProject(writeHarness(below, toTasks(['pending'])), places), below)
})

test('pointer - of two projects none is guessed', (t) => {
  const places = makePlaces(t)
  const first = writeHarness(places.outside, toTasks(['pending']))
  const second = path.join(places.outside, 'second')
  mkdirSync(second)
  assert.equal(mentionedProject(`${first} ${writeHarness(second, toTasks(['pending']))}`, places), null)
  const own = writeHarness(places.cwd, toTasks(['pending']))
  assert.equal(mentionedProject(`I took ${first} as an example and wrote ${own}`, places), null)
  assert.equal(
    mentionedProject(`${first} is right, ${places.outside}/gone/.harness/tasks.json is not there`, places),
    places.outside,
  )
})

test('pointer - a mention that goes on for ever costs little', (t) => {
  const places = makePlaces(t)
  const from = performance.now()
  assert.equal(mentionedProject(' /a'.repeat(5_000_000), places), null)
  assert.equal(mentionedProject(`${' /a'.repeat(300)}/.harness/tasks.json `.repeat(10_000), places), null)
  assert.equal(mentionedProject(`${'/'.repeat(1_000_000)}.harness/tasks.json`, places), null)
  assert.ok(performance.now() - from < 5_000)
})

test('pointer - it is written whole or not at all, and never through a link', (t) => {
  const places = makePlaces(t)
  writeHarness(places.outside, toTasks(['done']))
  const precious = path.join(places.outside, 'precious')
  writeFileSync(precious, 'keep')
  const pointer = path.join(places.cwd, '.harness_project_dir')
  symlinkSync(precious, pointer)
  symlinkSync(precious, `${pointer}.new`)
  writePointer(places.cwd, places.outside)
  assert.equal(readFileSync(precious, 'utf8'), 'keep')
  assert.equal(readFileSync(pointer, 'utf8'), `${places.outside}\n`)
  assert.equal(readHarness(places.cwd, places.base)?.dir, places.outside)
  assert.deepEqual(readdirSync(places.cwd), ['.harness_project_dir'])
  const folder = path.join(places.other, '.harness_project_dir')
  mkdirSync(path.join(folder, 'x'), { recursive: true })
  assert.throws(() => writePointer(places.other, places.outside))
  assert.deepEqual(readdirSync(places.other), ['.harness_project_dir'])
  assert.ok(existsSync(path.join(folder, 'x')))
})
