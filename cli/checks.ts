/** `switchboard test`, `check`, `crash`, `bench` and `build`: for whoever changes the code. Installing and compiling came before. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Command, Context } from './command.ts'

const runNode = (root: string, file: string, args: readonly string[]): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, file), ...args], { cwd: root, stdio: 'inherit' })
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })

/** A command that runs a program of the checkout, and touches nobody's data. */
const program = (file: string, about: { readonly summary: string; readonly usage?: string }): Command => ({
  ...about,
  opensHome: false,
  run: ({ args, settings }: Context) => runNode(settings.root, file, about.usage === undefined ? [] : args),
})

export const test = program('test/run.mjs', {
  summary: 'Lint and run every test, or just the files whose path holds one of the given words',
  usage: '[word ...]',
})

export const check = program('test/run.mjs', {
  summary: 'Types, lint and every test: what has to pass before a change is proposed',
})

export const conformance = program('dist/test/conformance/main.js', {
  summary: 'Check cron times over every time zone and ten years of transitions',
})

export const crash = program('dist/test/crash/run.js', {
  summary: 'Kill everything at every named point under load, cut the power, and count what was lost, doubled or run twice',
  usage: '[--seed N] [--full] [--parts storm,matrix,power] [--kills N] [--turns N] [--chats N]',
})

export const soak = program('dist/test/soak/main.js', {
  summary: 'Work at everything at once for a time, and see whether memory, descriptors, disk or processes grow',
  usage: '[--minutes N] [--seed N] [--break edge-keeps-answers]',
})

export const security = program('dist/test/security/main.js', {
  summary: 'Try every door as every stranger, fuzz every input, and search everything that is written for planted secrets',
  usage: '[word ...] [--runs N] [--seed N]',
})

export const bench = program('dist/bench/main.js', {
  summary: 'Measure, beside yardsticks, everything or just the named benches; --check fails when a goal is missed',
  usage: '[name ...] [--check] [--rounds N] [--json FILE]',
})

export const docs = program('dist/test/docs/main.js', {
  summary: 'Write the documents that are made from the code: docs/configuration.md',
})

export const build: Command = {
  summary: 'Install and compile what has changed',
  opensHome: false,
  run: async ({ print }) => {
    print('Up to date.')
    return 0
  },
}
