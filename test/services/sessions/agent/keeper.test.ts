/** The keeper alone, with programs that are no agents: what it starts, holds open, waits for and writes down. */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { bootId } from '../../../../services/runtime/process.ts'
import { Agent, spawnKeeper } from '../../../../services/sessions/agent/agent.ts'
import { AgentFolder } from '../../../../services/sessions/agent/folder.ts'
import { isAlive, NONCE_VARIABLE, processesOf, signalProcess, startOf } from '../../../../services/sessions/agent/process.ts'
import { checkLeaks, eventually, tempDir } from '../../../harness.ts'

checkLeaks()

const PATH = process.env.PATH ?? ''

const open = async (t: TestContext, script: string, { orphan_minutes = 30 } = {}) => {
  const folder = new AgentFolder(tempDir(t), 1)
  folder.create()
  const nonce = randomUUID()
  const lines: string[] = []
  let exit: { status: number | null } | null = null
  const watch = () =>
    new Agent({ n: 1, nonce, boot_id: bootId(), pid: null, pid_start: null }, folder, 0, {
      onLine: (line) => lines.push(line.text ?? ''),
      onProcess: () => undefined,
      onExit: (status) => {
        exit = { status }
      },
      onError: (error) => assert.fail(error as Error),
    })
  const agent = watch()
  t.after(async () => {
    await agent.close()
    for (const left of processesOf(nonce, null)) signalProcess(left, nonce, 'SIGKILL')
  })
  const spawn = () =>
    spawnKeeper(folder, nonce, {
      command: '/bin/sh',
      args: ['-c', script],
      env: { PATH },
      cwd: folder.path,
      tick_s: 1,
      orphan_minutes,
    })
  return { folder, nonce, agent, lines, spawn, exit: () => exit }
}

test('keeper - the exit status and every whole line arrive', async (t) => {
  const { spawn, exit, lines, agent } = await open(t, 'echo one; echo two; printf torn; exit 7')
  await spawn()
  await agent.exited()
  await eventually(exit)
  assert.deepEqual(exit(), { status: 7 })
  assert.deepEqual(lines, ['one', 'two'], 'a torn last line of a dead process does not count')
})

test('keeper - the agent is nobody’s child and has a process session of its own', async (t) => {
  const { spawn, agent } = await open(t, 'cat')
  await spawn()
  const pid = await eventually(() => agent.pid)
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
  const keeper = Number(fields[1])
  const ofKeeper = readFileSync(`/proc/${keeper}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
  assert.notEqual(Number(ofKeeper[1]), process.pid, 'the keeper was put up for adoption')
  assert.notEqual(fields[3], readFileSync('/proc/self/stat', 'latin1').split(') ')[1]?.split(' ')[3], 'another process session')
})

test('keeper - what is written reaches the program, a megabyte too, and SIGTERM is an end of file', async (t) => {
  const { spawn, agent, lines, exit } = await open(t, 'cat')
  await spawn()
  await agent.write(randomUUID(), 'x'.repeat(1_000_000))
  await eventually(() => lines.length === 1)
  assert.equal(
    lines[0]?.length,
    JSON.stringify({ type: 'user', message: { role: 'user', content: '' }, uuid: randomUUID(), priority: 'later' }).length +
      1_000_000,
  )
  agent.closeInput()
  await eventually(exit)
  assert.deepEqual(exit(), { status: 0 })
})

test('keeper - on SIGTERM a program that is at work finishes first', async (t) => {
  const { spawn, agent, lines, exit, folder } = await open(
    t,
    'echo begun; while [ ! -e go ]; do sleep 0.02; done; cat >/dev/null; echo finished',
  )
  await spawn()
  await eventually(() => lines.includes('begun'))
  agent.closeInput()
  assert.equal(exit(), null)
  writeFileSync(`${folder.path}/go`, '')
  await eventually(exit)
  assert.deepEqual(lines, ['begun', 'finished'])
  assert.deepEqual(exit(), { status: 0 })
})

test('keeper - writing to a dead agent is an error, not a void', async (t) => {
  const { spawn, agent, exit } = await open(t, 'exit 0')
  await spawn()
  await eventually(exit)
  await assert.rejects(agent.write(randomUUID(), 'hello'), /no more messages/)
})

test('keeper - whoever takes its place first decides that the agent never runs', async (t) => {
  const { spawn, folder, exit, lines } = await open(t, 'echo ran')
  assert.equal(folder.claim(), true)
  await spawn()
  await eventually(exit)
  assert.deepEqual(exit(), { status: null })
  assert.deepEqual(lines, [])
  assert.equal(folder.claim(), false, 'a second time it is taken')
})

test('keeper - a killed keeper leaves the agent at work, and its death is noticed all the same', async (t) => {
  const { spawn, agent, folder, exit, nonce } = await open(t, 'cat')
  await spawn()
  await eventually(() => agent.pid)
  process.kill(folder.keeperPid ?? 0, 'SIGKILL')
  await agent.write(randomUUID(), 'still here')
  await eventually(() => folder.logSize > 0)
  await agent.kill()
  await eventually(exit)
  assert.deepEqual(exit(), { status: null }, 'nobody wrote it down')
  await eventually(() => processesOf(nonce, null).length === 0)
})

test('keeper - an agent whose keeper was killed still leaves when it is told to', async (t) => {
  const { spawn, agent, folder, nonce } = await open(t, 'cat')
  await spawn()
  await eventually(() => agent.pid)
  await eventually(() => folder.holderPid)
  process.kill(folder.keeperPid ?? 0, 'SIGKILL')
  agent.closeInput()
  await eventually(() => processesOf(nonce, null).length === 0)
})

test('keeper - killed at any moment of its start, it leaves an agent that is seen to be dead or to live', async (t) => {
  for (let round = 0; round < 30; round += 1) {
    const { spawn, agent, folder, nonce, exit } = await open(t, 'cat')
    const spawned = spawn()
    // Spread over the few milliseconds that a start takes.
    const pid = await eventually(() => folder.keeperPid, { every_ms: 0 })
    for (let spin = 0; spin < round * 20_000; spin += 1) Math.sqrt(spin)
    process.kill(pid, 'SIGKILL')
    await spawned
    await eventually(() => agent.pid !== null || exit())
    await agent.kill()
    await eventually(exit)
    await eventually(() => processesOf(nonce, null).length === 0)
  }
})

test('keeper - an agent that is killed takes its tools with it, also those in sessions of their own', async (t) => {
  const { spawn, agent, nonce, exit } = await open(t, 'setsid sleep 1000 & sleep 1000 & echo ready; wait')
  await spawn()
  await eventually(() => processesOf(nonce, null).length >= 5)
  await agent.kill()
  await eventually(exit)
  assert.deepEqual(exit(), { status: 137 })
  await eventually(() => processesOf(nonce, null).length === 0)
})

test('keeper - an abandoned agent leaves by itself', { timeout: 120_000 }, async (t) => {
  const { spawn, folder, exit } = await open(t, 'cat', { orphan_minutes: 1 })
  const hourAgo = new Date(Date.now() - 3_600_000)
  utimesSync(folder.file('lease'), hourAgo, hourAgo)
  await spawn()
  await eventually(exit, { timeout_ms: 60_000, every_ms: 200 })
  assert.deepEqual(exit(), { status: 0 })
  assert.equal(existsSync(folder.file('closed')), true)
})

test('keeper - an agent whose folder was deleted leaves by itself', async (t) => {
  const { spawn, folder, nonce, agent } = await open(t, 'cat')
  await spawn()
  await eventually(() => agent.pid)
  await agent.close()
  rmSync(folder.path, { recursive: true })
  await eventually(() => processesOf(nonce, null).length === 0)
})

test('process - a number that was given again is not the same process', (t) => {
  void t
  const start = startOf(process.pid)
  assert.ok(start)
  const self = { boot_id: bootId(), pid: process.pid, start }
  assert.equal(isAlive(self), true)
  assert.equal(isAlive({ ...self, start: `${start}1` }), false)
  assert.equal(isAlive({ ...self, boot_id: 'another' }), false)
  assert.equal(signalProcess(self, 'not our nonce', 'SIGKILL'), false, `we do not carry ${NONCE_VARIABLE}`)
})
