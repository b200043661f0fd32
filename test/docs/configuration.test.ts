import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textOf } from '../source-tree.ts'
import { renderConfiguration } from './configuration.ts'
import { readSections } from './settings.ts'

test('configuration - the page is what the schemas and .env.example say (npm run docs writes it)', async () => {
  assert.equal(textOf('docs/configuration.md'), renderConfiguration(await readSections()))
})

test('configuration - every setting has a reader and something said about it', async () => {
  const groups = (await readSections()).flatMap((section) => section.groups)
  assert.ok(groups.length > 20)
  for (const { text, settings } of groups) {
    const names = settings.map(({ name }) => name).join(', ')
    assert.ok(text.length > 10, `${names}: what is it for?`)
    for (const { name, readers } of settings) assert.ok(readers.length > 0, `${name} is read by nobody`)
  }
})

test('configuration - bounds and choices are told as the schemas have them', async () => {
  const settings = (await readSections()).flatMap((section) => section.groups.flatMap((group) => group.settings))
  const kindOf = (name: string): string | undefined => settings.find((setting) => setting.name === name)?.kind
  assert.equal(kindOf('GATEWAY_PORT'), 'a whole number from 1 to 65535')
  assert.equal(kindOf('LOG_LEVEL')?.split(', ').length, 7)
  assert.equal(kindOf('CLAUDE_MODEL'), '')
})
