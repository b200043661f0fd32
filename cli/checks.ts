/** `switchboard test`, `check`, `crash`, `bench` and `build`: for whoever changes the code. Installing and compiling came before. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Command } from './command.ts'

const runNode = (root: string, file: string, args: readonly string[]): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, file), ...args], { cwd: root, stdio: 'inherit' })
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })

export const test: Command = {
  summary: 'Lint and run every test, or just the files whose path holds one of the given words',
  usage: '[word ...]',
  run: ({ args, settings }) => runNode(settings.root, 'test/run.mjs', args),
}

export const check: Command = {
  summary: 'Types, lint and every test: what has to pass before a change is proposed',
  run: ({ settings }) => runNode(settings.root, 'test/run.mjs', []),
}

export const conformance: Command = {
  summary: 'Check cron times over every time zone and ten years of transitions',
  run: ({ args, settings }) => runNode(settings.root, 'dist/test/conformance/main.js', args),
}

export const crash: Command = {
  summary: 'Kill everything at every named point under load, cut the power, and count what was lost, doubled or run twice',
  usage: '[--seed N] [--full] [--parts storm,matrix,power] [--kills N] [--turns N] [--chats N]',
  run: ({ args, settings }) => runNode(settings.root, 'dist/test/crash/run.js', args),
}

export const soak: Command = {
  summary: 'Work at everything at once for a time, and see whether memory, descriptors, disk or processes grow',
  usage: '[--minutes N] [--seed N]',
  run: ({ args, settings }) => runNode(settings.root, 'dist/test/soak/main.js', args),
}

export const security: Command = {
  summary: 'Try every door as every stranger, fuzz every input, and search everything that is written for planted secrets',
  usage: '[word ...] [--runs N] [--seed N]',
  run: ({ args, settings }) => runNode(settings.root, 'dist/test/security/main.js', args),
}

export const bench: Command = {
  summary: 'Measure, beside yardsticks, everything or just the named benches; --check fails when a goal is missed',
  usage: '[name ...] [--check] [--rounds N] [--json FILE]',
  run: ({ args, settings }) => runNode(settings.root, 'dist/bench/main.js', args),
}

export const docs: Command = {
  summary: 'Write the documents that are made from the code: docs/configuration.md',
  run: ({ settings }) => runNode(settings.root, 'dist/test/docs/main.js', []),
}

export const build: Command = {
  summary: 'Install and compile what has changed',
  run: async ({ print }) => {
    print('Up to date.')
    return 0
  },
}
