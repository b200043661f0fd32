/**
 * What a bare checkout needs before anything of ours can run: dependencies and the build. Plain JavaScript without
 * dependencies, since it runs before there are any. Each step is skipped, within milliseconds, when nothing has changed.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of the checkout, with a trailing slash. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/** A step that failed, told in one sentence and without a stack. */
export class SetupError extends Error {}

const MIN_NODE = [20, 18]
const SOURCES = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8')).include
const INSTALL_STAMP = join(root, 'node_modules', '.switchboard-install')
const BUILD_STAMP = join(root, 'dist', '.switchboard-build')
const PANEL_STAMP = join(root, 'dist', 'web', '.switchboard-build')

const sha256 = (text) => createHash('sha256').update(text).digest('hex')
const textOf = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '')

const step = (command, args, failure) => {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (error || status !== 0) throw new SetupError(error ? `${failure} (${error.message})` : failure)
}

/** Throws when this Node.js is older than what we run on. */
export const requireNode = () => {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1])) return
  throw new SetupError(`Switchboard needs Node.js ${MIN_NODE.join('.')} or newer; this is ${process.versions.node}.`)
}

/** The lock file and what compiled add-ons depend on: with another Node.js they have to be compiled anew. */
const installHash = () =>
  sha256([textOf(join(root, 'package-lock.json')), process.versions.modules, process.platform, process.arch].join('\n'))

/** Whether what is compiled for one Node.js loads in this one. */
const isLoadable = () =>
  spawnSync(process.execPath, ['-e', 'new (require("better-sqlite3"))(":memory:").close()'], { cwd: root, stdio: 'ignore' })
    .status === 0

/** Whether what is installed was compiled for another Node.js than this one. */
export const isForAnotherNode = () =>
  textOf(INSTALL_STAMP) !== installHash() && existsSync(join(root, 'node_modules', 'better-sqlite3')) && !isLoadable()

/** Whether somebody's own `npm ci` has already put in place just what the lock file names, for this Node.js. */
const installedByHand = () => {
  const hidden = textOf(join(root, 'node_modules', '.package-lock.json'))
  if (hidden === '') return false
  const present = JSON.parse(hidden).packages
  const wanted = Object.entries(JSON.parse(textOf(join(root, 'package-lock.json'))).packages).filter(([path]) => path !== '')
  const equal = wanted.every(([path, entry]) =>
    present[path] ? present[path].version === entry.version : entry.optional === true,
  )
  return equal && isLoadable()
}

/** Installs what the lock file names. Throws `SetupError`. */
export const ensureInstalled = () => {
  const hash = installHash()
  if (textOf(INSTALL_STAMP) === hash) return
  if (!installedByHand()) {
    console.log('Installing dependencies (a minute or two the first time, most of it compiling SQLite) ...')
    const npm = process.env.npm_execpath?.endsWith('npm-cli.js') ? [process.execPath, process.env.npm_execpath] : ['npm']
    const advice =
      'npm ci failed; its output is above. Where no prebuilt SQLite fits, python3, make and a C++ compiler are needed.'
    step(npm[0], [...npm.slice(1), 'ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], advice)
  }
  writeFileSync(INSTALL_STAMP, hash)
}

/** Every file below a folder, as paths relative to the root. */
export const filesBelow = (folder) =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length))
    : []

const sourceFiles = () => SOURCES.flatMap(filesBelow).filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
const builtPath = (source) => join(root, 'dist', source.replace(/\.ts$/, '.js'))

const statHash = (paths) =>
  sha256(
    paths
      .map((path) => [path, statSync(join(root, path))])
      .map(([path, { mtimeMs, size }]) => `${path} ${mtimeMs} ${size}`)
      .join('\n'),
  )

/** Removes compiled files whose source is gone, lest a test or a service that was deleted still runs. */
const removeStale = (sources) => {
  const expected = new Set(sources.map((source) => builtPath(source)))
  const ours = filesBelow('dist').filter((path) => !path.startsWith(join('dist', 'web')))
  for (const path of ours.map((path) => join(root, path))) {
    if (/\.js(\.map)?$/.test(path) && !expected.has(path.replace(/\.map$/, ''))) rmSync(path)
  }
}

const tool = (...path) => join(root, 'node_modules', ...path)

/** Compiles when a source, the compiler or its options changed since the last build. */
const ensureCompiled = () => {
  const sources = sourceFiles()
  const complete = sources.every((source) => existsSync(builtPath(source)))
  const [options, stamp] = [statHash(['tsconfig.json', 'package-lock.json']), textOf(BUILD_STAMP)]
  const now = `${options} ${statHash(sources)}`
  if (complete && stamp === now) return
  // The compiler trusts its own notes: it would neither look again at what other options mean for a file that is the same,
  // nor write again what somebody has deleted.
  if (!complete || !stamp.startsWith(options)) rmSync(join(root, 'dist', '.tsbuildinfo'), { force: true })
  rmSync(BUILD_STAMP, { force: true })
  console.log('Compiling ...')
  step(process.execPath, [tool('typescript', 'bin', 'tsc'), '-b'], 'The build failed; the errors are above.')
  removeStale(sources)
  mkdirSync(join(root, 'dist'), { recursive: true })
  writeFileSync(BUILD_STAMP, now)
}

/** Checks what runs in browsers and bundles the panel, when a file of these or of the contract changed since the last time. */
const ensurePanel = () => {
  if (!existsSync(join(root, 'web', 'vite-config.ts'))) return
  const pages = ['web', 'dashboard'].filter((folder) => existsSync(join(root, folder, 'tsconfig.json')))
  const now = statHash([...filesBelow('web'), ...filesBelow('dashboard/page'), ...filesBelow('protocol'), 'package-lock.json'])
  if (textOf(PANEL_STAMP) === now) return
  console.log('Building the panel ...')
  const advice = 'The build of the panel failed; the errors are above.'
  step(process.execPath, [tool('typescript', 'bin', 'tsc'), '-b', ...pages], advice)
  step(process.execPath, [tool('vite', 'bin', 'vite.js'), 'build', '--config', join('web', 'vite-config.ts')], advice)
  writeFileSync(PANEL_STAMP, now)
}

/** Brings what is compiled up to date with the sources. Throws `SetupError`. */
export const ensureBuilt = () => {
  ensureCompiled()
  ensurePanel()
}
