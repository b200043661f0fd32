/** A session base with chats in it, and harness projects as models write them. */
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type Scope, tempDir } from '../../../harness.ts'

export interface Places {
  /** All real paths. */
  readonly base: string
  readonly cwd: string
  readonly other: string
  readonly outside: string
}

/** The folders of two chats in a base, and one beside the base. */
export const makePlaces = (t: Scope): Places => {
  const root = realpathSync(tempDir(t))
  const folder = (...names: string[]): string => {
    const made = path.join(root, ...names)
    mkdirSync(made, { recursive: true })
    return made
  }
  return {
    base: folder('base'),
    cwd: folder('base', 'bot', '1'),
    other: folder('base', 'bot', '2'),
    outside: folder('outside'),
  }
}

/** `tasks.json` with tasks of these statuses; a task's phase is given behind a slash: `done/build`. */
export const toTasks = (tasks: readonly string[]): string =>
  JSON.stringify({
    metadata: { project_name: 'demo', current_phase: 'build' },
    tasks: tasks.map((task, index) => {
      const [status, phase = 'build'] = task.split('/')
      return { id: `t${index}`, status, phase }
    }),
  })

/** Writes `<dir>/.harness/<name>` and gives its path. */
export const writeHarness = (dir: string, text: string, name = 'tasks.json'): string => {
  const folder = path.join(dir, '.harness')
  mkdirSync(folder, { recursive: true })
  const file = path.join(folder, name)
  writeFileSync(file, text)
  return file
}
