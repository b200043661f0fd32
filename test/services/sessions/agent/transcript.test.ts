import assert from 'node:assert/strict'
import { mkdirSync, realpathSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { slugOf, Transcripts } from '../../../../services/sessions/agent/transcript.ts'
import { checkLeaks, tempDir } from '../../../harness.ts'

checkLeaks()

const DAY_MS = 86_400_000

test("transcript - the record of a chat never gets old enough for the CLI to delete it; a stranger's is left as it is", (t) => {
  const cwd = realpathSync(tempDir(t))
  const config = tempDir(t)
  const folder = path.join(config, 'projects', slugOf(cwd))
  mkdirSync(folder, { recursive: true })
  const now = Date.now()
  const record = (id: string, days: number): (() => number) => {
    const file = path.join(folder, `${id}.jsonl`)
    writeFileSync(file, '{}\n')
    utimesSync(file, (now - days * DAY_MS) / 1_000, (now - days * DAY_MS) / 1_000)
    return () => Math.round((now - statSync(file).mtimeMs) / DAY_MS)
  }
  const [old, young, stranger] = [record('old', 29), record('young', 1), record('stranger', 29)]
  const transcripts = new Transcripts(config)
  for (const id of ['old', 'young', 'none']) transcripts.keepYoung(cwd, id, now)
  assert.deepEqual([old(), young(), stranger()], [0, 1, 29])
})
