/**
 * An agent program that talks nonsense: for each message it writes some of the lines of `BABBLE_FILE`, between the signs that it
 * took the message and that it is done with it. Started as the CLI is.
 */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** Lines of nonsense for one message. */
const PORTION = 25

const say = (line: object): boolean => process.stdout.write(`${JSON.stringify(line)}\n`)

if (process.argv.includes('--version')) {
  process.stdout.write('2.1.330 (a babbling agent)\n')
} else {
  const { BABBLE_FILE = '' } = process.env
  const nonsense = JSON.parse(readFileSync(BABBLE_FILE, 'utf8')) as string[]
  for await (const line of createInterface({ input: process.stdin })) {
    const { type, uuid, message } = JSON.parse(line) as { type: string; uuid?: string; message?: { content: string } }
    if (type !== 'user' || uuid === undefined) continue
    const at = Number(/\d+/.exec(message?.content ?? '')?.[0] ?? 0) * PORTION
    for (const state of ['queued', 'started']) say({ type: 'command_lifecycle', command_uuid: uuid, state })
    for (const text of nonsense.slice(at, at + PORTION)) process.stdout.write(`${text}\n`)
    say({ type: 'result', subtype: 'success', is_error: false, result: `done ${at}` })
    say({ type: 'command_lifecycle', command_uuid: uuid, state: 'completed' })
  }
}
