import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { shellWord } from '../../cli/shell-word.ts'

test('shell word - a shell reads each text back as it was, and a plain one stays as it is', () => {
  const words = ['', 'a b', "it's", '"$HOME"', '`id`', 'a\nb', '~', '*', '#c', '-n', '\\', 'ä%20']
  const { stdout } = spawnSync('/bin/sh', ['-c', `printf '%s|' ${words.map(shellWord).join(' ')}`], { encoding: 'utf8' })
  assert.deepEqual(stdout.split('|'), [...words, ''])
  assert.equal(shellWord('/srv/anna/.switchboard-2'), '/srv/anna/.switchboard-2')
})
