#!/usr/bin/env node
/**
 * The command `switchboard`. It runs on a bare checkout: it installs and builds what is missing, then hands over to the
 * compiled commands.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureBuilt, ensureInstalled, isForAnotherNode, requireNode, root, SetupError } from './setup.mjs'

/** Commands that only look or stop: they work with the build that is there and never change it under running services. */
const AS_BUILT = new Set([
  'down',
  'status',
  'logs',
  'monit',
  'help',
  'doctor',
  'backup',
  'restore',
  'verify',
  'import',
  'report',
  'service',
  'uninstall',
  'push-metrics',
  'refresh-vercel-token',
])

const compiled = join(root, 'dist', 'cli', 'main.js')
const load = (...path) => import(pathToFileURL(join(root, 'dist', ...path)).href)
const args = process.argv.slice(2)

/** Standard output belongs to the protocol: nothing is installed or built here, and no second process stands in between. */
const serveMcp = async () => {
  if (!existsSync(compiled)) {
    console.error(`Switchboard in ${root} is not built: run "npm start" there first.`)
    process.exit(1)
  }
  const { prepareMcp } = await load('cli', 'mcp.js')
  prepareMcp(process.env)
  await load('mcp', 'main.js')
}

/** The program of a process, in words to be called by; empty where that is not told, or where it was replaced since. */
const programOf = (pid) => {
  try {
    return `: ${realpathSync(`/proc/${pid}/exe`)}`
  } catch {
    // Not Linux, or gone from where it was.
    return ''
  }
}

/** The home of a PM2 that answers; null where none does. */
const runningPm2 = async () => {
  try {
    const { readSettings } = await load('cli', 'settings.js')
    const { hasDaemon } = await load('cli', 'service', 'beginning.js')
    const { pm2_home } = readSettings(process.env)
    return (await hasDaemon(pm2_home)) ? pm2_home : null
  } catch {
    // An installation that was cut off, which is about to be mended; or settings that are wrong, which the command itself says.
    return null
  }
}

/** Compiling for another Node.js takes away what running services load. Throws `SetupError` where that is about to happen. */
const refuseUnderServices = async () => {
  if (!existsSync(compiled) || !isForAnotherNode()) return
  const pm2_home = await runningPm2()
  if (pm2_home === null) return
  const pid = readFileSync(join(pm2_home, 'pm2.pid'), 'utf8').trim()
  throw new SetupError(
    `Switchboard runs with another Node.js than this one (${process.version}), for which everything has to be compiled anew. Stop it first (npm stop), then: npm start. Or call this with the one that runs it (process ${pid})${programOf(pid)}`,
  )
}

const runCommand = async () => {
  try {
    requireNode()
    const ready = AS_BUILT.has(args[0] ?? 'help') && existsSync(compiled) && existsSync(join(root, 'node_modules'))
    if (!ready) {
      await refuseUnderServices()
      ensureInstalled()
      ensureBuilt()
    }
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    console.error(error.message)
    process.exit(1)
  }
  const { main } = await load('cli', 'main.js')
  process.exitCode = await main(args, process.env)
}

await (args[0] === 'mcp' ? serveMcp() : runCommand())
