/** What is written about the WebSocket is what is there. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OWN_METHODS } from '../../gateway-edge/live/own-methods.ts'
import { TOPICS } from '../../gateway-edge/live/topics.ts'
import { table } from '../../protocol/contract.ts'
import { sourceFiles, textOf } from '../source-tree.ts'

const document = textOf('docs/websocket.md')

/** The first cells of the table under a heading. */
const namesUnder = (heading: string): string[] => {
  const [, section = ''] = document.split(`## ${heading}\n`)
  return [...(section.split('\n## ')[0] ?? '').matchAll(/^\| `([a-z_.]+)` \|/gm)].map(([, name = '']) => name)
}

test('live document - lists the methods that are there and no other', () => {
  const methods = [...table.filter(({ ws }) => ws === true).map(({ name }) => name), ...Object.keys(OWN_METHODS)]
  assert.deepEqual(namesUnder('Methods').sort(), methods.sort())
})

test('live document - lists the notifications that are sent and no other, and names every topic', () => {
  const code = sourceFiles().filter((file) => file.startsWith('gateway-edge/live/'))
  const sent = code.flatMap((file) =>
    [...textOf(file).matchAll(/(?:notify|toNotification)\(([^,]+),/g)].flatMap(([, name = '']) =>
      [...name.matchAll(/'([a-z.]+)'/g)].map(([, word = '']) => word),
    ),
  )
  assert.deepEqual(namesUnder('Notifications').sort(), [...new Set(sent)].sort())
  for (const topic of TOPICS) assert.ok(document.includes(`\`${topic}\``), topic)
})
