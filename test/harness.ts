/** What tests share: temporary folders, promises held by hand, conditions awaited, real processes, and a look at what was left. */
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { after } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { packageRoot } from '../services/runtime/package-root.ts'
import { settledWithin } from '../services/runtime/releases.ts'

/** What a test gives that wants something undone at its end: `t`, or `{ after }` of a whole file. */
export interface Scope {
  after(undo: () => void | Promise<void>): void
}

const stacks = new WeakMap<Scope, (() => void | Promise<void>)[]>()

/** Undoes something at the end of the test, last given first (the runner's own hooks run first given first). */
export const atEnd = (t: Scope, undo: () => void | Promise<void>): void => {
  const known = stacks.get(t)
  if (known !== undefined) return void known.push(undo)
  const stack = [undo]
  stacks.set(t, stack)
  t.after(async () => {
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) await next()
  })
}

const madeFolders = new Set<string>()

/** A folder of its own, gone after the test. Its path is short enough for sockets in it. */
export const tempDir = (t: Scope): string => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sb-'))
  madeFolders.add(folder)
  atEnd(t, () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

/**
 * Asks until the answer is true (or anything truthy) and gives it back. An error of `condition` counts as *not yet*; the
 * last one is the cause when time is up.
 */
export const eventually = async <T>(
  condition: () => T | Promise<T>,
  { timeout_ms = 10_000, every_ms = 10 }: { timeout_ms?: number; every_ms?: number } = {},
): Promise<NonNullable<T>> => {
  const until = performance.now() + timeout_ms
  for (;;) {
    let last: unknown
    try {
      const answer = await condition()
      if (answer) return answer as NonNullable<T>
      last = answer
    } catch (error) {
      last = error
    }
    if (performance.now() >= until) throw new Error(`not true within ${timeout_ms} ms: ${condition}`, { cause: last })
    await sleep(every_ms)
  }
}

export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

/** A promise that the test settles by hand. */
export const deferred = <T = void>(): Deferred<T> => {
  let resolve: (value: T) => void = () => undefined
  let reject: (error: unknown) => void = () => undefined
  const promise = new Promise<T>((settle, refuse) => {
    resolve = settle
    reject = refuse
  })
  return { promise, resolve, reject }
}

export interface Child {
  readonly process: ChildProcess
  readonly pid: number
  /** All that it wrote to standard output, and to standard error, so far. */
  output(): string
  errors(): string
  /** What it sent over its channel so far. */
  readonly messages: unknown[]
  /** How it ended; by then all that it wrote and sent has been read. */
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

/** How long the last words of a process may take. */
const LAST_WORDS_MS = 5_000

const streamEnd = async (stream: Readable | null): Promise<void> => {
  if (stream !== null && !stream.closed) await once(stream, 'close')
}

/**
 * Starts a compiled module (`test/fakes/tiny-service.ts`, from the root of the checkout) as a process with a channel. It is
 * killed at the end of the test if it still lives. Its environment is what is given, PATH, HOME and TMPDIR, nothing else.
 */
export const startModule = (t: Scope, source: string, env: Record<string, string> = {}, args: string[] = []): Child => {
  const compiled = path.join(packageRoot(import.meta.url), 'dist', source.replace(/\.ts$/, '.js'))
  const { PATH = '', HOME = '', TMPDIR } = process.env
  const child = fork(compiled, args, {
    env: { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }), ...env },
    execArgv: ['--enable-source-maps'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let output = ''
  let errors = ''
  const messages: unknown[] = []
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text))
  child.on('message', (message) => messages.push(message))
  const last = Promise.allSettled([streamEnd(child.stdout), streamEnd(child.stderr), once(child, 'disconnect')])
  const exit = once(child, 'exit').then(async ([code, signal]) => {
    // What it wrote last may arrive after the news of its end; what it started may hold its output open for ever.
    await settledWithin(last, LAST_WORDS_MS)
    return { code: code as number | null, signal: signal as NodeJS.Signals | null }
  })
  atEnd(t, async () => {
    child.kill('SIGKILL')
    await exit
  })
  return { process: child, pid: child.pid ?? 0, output: () => output, errors: () => errors, messages, exit }
}

/** Waits until a service says that it is ready. */
export const ready = async (child: Child): Promise<Child> => {
  await eventually(() => child.messages.includes('ready'), { timeout_ms: 30_000 })
  return child
}

/** Kinds of resources that a test file may not leave behind. */
const LEAKS = ['ProcessWrap', 'TCPServerWrap', 'TCPSocketWrap', 'PipeServerWrap', 'UDPWrap', 'FSEventWrap', 'Timeout', 'Worker']

/** Registers a check for the end of the file: no child, socket, watcher, timer or temporary folder of ours is left. */
export const checkLeaks = (): void => {
  after(async () => {
    const left = (): string[] => process.getActiveResourcesInfo().filter((kind) => LEAKS.includes(kind))
    // `eventually` itself holds no timer at the moment it asks.
    await eventually(() => left().length === 0).catch(() => assert.deepEqual(left(), [], 'left open at the end of the file'))
    assert.deepEqual(
      [...madeFolders].filter((folder) => existsSync(folder)),
      [],
      'temporary folders left',
    )
  })
}
