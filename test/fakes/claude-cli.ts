import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { packageRoot } from '../../services/runtime/package-root.ts'

/** The version of the Claude CLI that the tests run against. */
export const CLAUDE_VERSION = '2.1.330'

/** The real CLI, ready to be started. */
export type RealClaude = {
  bin: string
  /** The least environment it needs to talk to a stand-in of the Messages API and to nobody else. */
  env(options: { api_url: string; config_dir: string }): Record<string, string>
}

/** The CLI could not be fetched. Without it the tests that need it cannot say anything. */
export class ClaudeUnavailable extends Error {
  override name = 'ClaudeUnavailable'
}

const run = promisify(execFile)
let fetched: Promise<string> | undefined

/**
 * The real CLI of the pinned version, fetched from npm once into a cache folder (`SWITCHBOARD_TEST_CACHE`, else inside
 * `node_modules/.cache`; 245 MB). Processes that ask at the same time wait for one download. Throws `ClaudeUnavailable`.
 */
export async function realClaude(): Promise<RealClaude> {
  fetched ??= fetchCli()
  return { bin: await fetched, env: minimalEnv }
}

/** The same for a test: where it cannot be had the test is skipped and says why, in CI it fails. Null when skipped. */
export async function realClaudeOrSkip(t: Pick<TestContext, 'skip'>): Promise<RealClaude | null> {
  try {
    return await realClaude()
  } catch (error) {
    if (!(error instanceof ClaudeUnavailable) || process.env.CI === 'true') throw error
    t.skip(error.message)
    return null
  }
}

function minimalEnv({ api_url, config_dir }: { api_url: string; config_dir: string }): Record<string, string> {
  const { PATH = '', HOME = '/', LANG = 'C.UTF-8' } = process.env
  return {
    PATH,
    HOME,
    LANG,
    TMPDIR: tmpdir(),
    CLAUDE_CONFIG_DIR: config_dir,
    // Sockets and the output of background tools go here, and with it.
    CLAUDE_CODE_TMPDIR: config_dir,
    ANTHROPIC_BASE_URL: api_url,
    ANTHROPIC_API_KEY: 'test',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_TELEMETRY: '1',
    DISABLE_ERROR_REPORTING: '1',
    DISABLE_AUTOUPDATER: '1',
    // As root the CLI refuses to bypass permissions unless told that it is in a sandbox.
    ...(process.getuid?.() === 0 && { IS_SANDBOX: '1' }),
  }
}

async function fetchCli(): Promise<string> {
  const cache = process.env.SWITCHBOARD_TEST_CACHE || join(packageRoot(import.meta.url), 'node_modules', '.cache', 'switchboard')
  const folder = join(cache, `claude-code-${CLAUDE_VERSION}`)
  const bin = join(folder, 'node_modules', '@anthropic-ai', 'claude-code', 'bin', 'claude.exe')
  await mkdir(cache, { recursive: true })
  while (!existsSync(bin)) {
    const unlock = await lock(`${folder}.lock`)
    if (!unlock) {
      await sleep(500)
      continue
    }
    try {
      if (!existsSync(bin)) await install(cache, folder)
    } finally {
      await unlock()
    }
  }
  await checkVersion(bin)
  return bin
}

/** Installs beside and renames: a folder of that name is always a whole one. */
async function install(cache: string, folder: string): Promise<void> {
  const work = await mkdtemp(join(cache, 'fetching-'))
  try {
    await writeFile(join(work, 'package.json'), '{"private":true}')
    const options = ['--no-audit', '--no-fund', '--no-save', '--ignore-scripts', '--loglevel=error', '--fetch-retries=1']
    await run('npm', ['install', ...options, `@anthropic-ai/claude-code@${CLAUDE_VERSION}`], { cwd: work, timeout: 300_000 })
    const home = join(work, 'node_modules', '@anthropic-ai', 'claude-code')
    // Its install script puts the native program in place. It is run by hand, since npm may be set not to run any.
    await run(process.execPath, ['install.cjs'], { cwd: home, timeout: 60_000 })
    await checkVersion(join(home, 'bin', 'claude.exe'))
    await rm(folder, { recursive: true, force: true })
    // A test may start it as another user, and a temporary folder is its owner's alone.
    await chmod(work, 0o755)
    await rename(work, folder)
  } catch (cause) {
    throw new ClaudeUnavailable(`Claude CLI ${CLAUDE_VERSION} could not be fetched from npm: ${firstLine(cause)}`, { cause })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function checkVersion(bin: string): Promise<void> {
  const { stdout } = await run(bin, ['--version'], { timeout: 30_000 }).catch((cause: unknown) => {
    throw new ClaudeUnavailable(`${bin} does not run: ${firstLine(cause)}`, { cause })
  })
  if (!stdout.startsWith(`${CLAUDE_VERSION} `))
    throw new ClaudeUnavailable(`${bin} says ${stdout.trim()}, wanted ${CLAUDE_VERSION}`)
}

/** A file that names its owner's pid. Null while another living process has it; one left by a dead process is taken away. */
async function lock(path: string): Promise<(() => Promise<void>) | null> {
  try {
    await writeFile(path, String(process.pid), { flag: 'wx' })
    return async () => await rm(path, { force: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const owner = Number(await readFile(path, 'utf8').catch(() => '0'))
  if (owner > 0 && !isAlive(owner)) await rm(path, { force: true })
  return null
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function firstLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message?: string }
  return (stderr?.trim() || message || String(error)).split('\n')[0] ?? ''
}
