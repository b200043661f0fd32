import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textOf } from '../source-tree.ts'
import { readSections } from './settings.ts'

test('retention - every limit that can be set stands in the table of operations, with its default', async () => {
  const settings = (await readSections()).flatMap((section) => section.groups.flatMap((group) => group.settings))
  const limits = settings.filter(({ name }) => /_KEEP(_|$)|^(LOG_MAX_MB|AGENT_LOG_MAX|AGENT_TURN_LOG_MAX)$/.test(name))
  assert.ok(limits.length >= 12)
  const [, table = ''] = textOf('docs/operations.md').split('## What is kept for how long')
  for (const { name, fallback } of limits)
    assert.match(table, new RegExp(`\`${name}\` \\(${Number(fallback).toLocaleString('en')}\\b`), name)
})
