import assert from 'node:assert/strict'
import { test } from 'node:test'
import { takeLock } from '../../../services/runtime/lock.ts'
import { atEnd, checkLeaks, eventually, type Scope, startModule, tempDir } from '../../harness.ts'

checkLeaks()

const startHolder = async (t: Scope, run_dir: string) => {
  const holder = startModule(t, 'test/fakes/lock-holder.ts', {}, [run_dir, 'history'])
  await eventually(() => holder.messages.includes('held'))
  return holder
}

test('lock - one that another process holds is refused; other names are free', async (t) => {
  const run_dir = tempDir(t)
  await startHolder(t, run_dir)
  const began = performance.now()
  await assert.rejects(takeLock({ run_dir, name: 'history', wait_ms: 200 }), {
    code: 'conflict',
    message: /Another instance of history is running/,
  })
  assert.ok(performance.now() - began >= 195)
  const other = await takeLock({ run_dir, name: 'sessions', wait_ms: 0 })
  atEnd(t, () => other.release())
})

test('lock - the kernel frees it when its holder is killed', async (t) => {
  const run_dir = tempDir(t)
  const holder = await startHolder(t, run_dir)
  const waiting = takeLock({ run_dir, name: 'history', wait_ms: 10_000 })
  holder.process.kill('SIGKILL')
  await holder.exit
  const lock = await waiting
  atEnd(t, () => lock.release())
})

test('lock - it is let go of on request, to whoever waits', async (t) => {
  const run_dir = tempDir(t)
  const holder = await startHolder(t, run_dir)
  const waiting = takeLock({ run_dir, name: 'history', wait_ms: 10_000 })
  holder.process.send('let go')
  const lock = await waiting
  assert.ok(holder.process.exitCode === null)
  lock.release()
  lock.release()
})

test('lock - of a stopped holder it is still held', async (t) => {
  const run_dir = tempDir(t)
  const holder = await startHolder(t, run_dir)
  holder.process.kill('SIGSTOP')
  await assert.rejects(takeLock({ run_dir, name: 'history', wait_ms: 100 }), { code: 'conflict' })
})

test('lock - within one process, too, it is held once', async (t) => {
  const run_dir = tempDir(t)
  const first = await takeLock({ run_dir, name: 'history', wait_ms: 0 })
  await assert.rejects(takeLock({ run_dir, name: 'history', wait_ms: 0 }), { code: 'conflict' })
  first.release()
  const second = await takeLock({ run_dir, name: 'history', wait_ms: 0 })
  second.release()
})

test('lock - waiting for it can be given up', async (t) => {
  const run_dir = tempDir(t)
  await startHolder(t, run_dir)
  const controller = new AbortController()
  const waiting = takeLock({ run_dir, name: 'history', wait_ms: 10_000, signal: controller.signal })
  controller.abort()
  await assert.rejects(waiting, { code: 'cancelled' })
})
