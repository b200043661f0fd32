#!/usr/bin/env node
/**
 * The command `switchboard`. It runs on a bare checkout: it installs and builds what is missing, then hands over to the
 * compiled commands.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureBuilt, ensureInstalled, requireNode, root, SetupError } from './setup.mjs'

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
const args = process.argv.slice(2)

/** Standard output belongs to the protocol: nothing is installed or built here, and no second process stands in between. */
const serveMcp = async () => {
  if (!existsSync(compiled)) {
    console.error(`Switchboard in ${root} is not built: run "npm start" there first.`)
    process.exit(1)
  }
  const { prepareMcp } = await import(pathToFileURL(join(root, 'dist', 'cli', 'mcp.js')).href)
  prepareMcp(process.env)
  await import(pathToFileURL(join(root, 'dist', 'mcp', 'main.js')).href)
}

const runCommand = async () => {
  try {
    requireNode()
    const ready = AS_BUILT.has(args[0] ?? 'help') && existsSync(compiled) && existsSync(join(root, 'node_modules'))
    if (!ready) {
      ensureInstalled()
      ensureBuilt()
    }
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    console.error(error.message)
    process.exit(1)
  }
  const { main } = await import(compiled)
  process.exitCode = await main(args, process.env)
}

await (args[0] === 'mcp' ? serveMcp() : runCommand())
