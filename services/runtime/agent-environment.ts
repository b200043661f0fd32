/** What the Claude CLI gets of our environment, and where it is found. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Everything else stays with us: none of our secrets is in an agent's environment (design §7). */
const PASSED = new Set([
  'HOME',
  'USER',
  'LOGNAME',
  'PATH',
  'SHELL',
  'LANG',
  'TZ',
  'TMPDIR',
  'TERM',
  'API_TIMEOUT_MS',
  'IS_SANDBOX',
])
const PASSED_PREFIXES = ['LC_', 'ANTHROPIC_', 'CLAUDE_CODE_', 'CLAUDE_CONFIG_DIR', 'DISABLE_']
const PASSED_PROXIES = new Set(['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY'])
const CLOUD: readonly (readonly [string, readonly string[]])[] = [
  ['CLAUDE_CODE_USE_BEDROCK', ['AWS_']],
  ['CLAUDE_CODE_USE_VERTEX', ['GOOGLE_', 'CLOUDSDK_', 'GCLOUD_', 'VERTEX_', 'CLOUD_ML_']],
]

/** What the Claude CLI takes for switched on; whatever else stands there, it goes to no cloud and needs none of its keys. */
const ON = /^\s*(1|true|yes|on)\s*$/i

export type Environment = Readonly<Record<string, string | undefined>>

/** The part of our environment that an agent gets. @param extra names of AGENT_ENV_PASS */
export const agentEnvironment = (source: Environment, extra: readonly string[]): Record<string, string> => {
  const clouds = CLOUD.flatMap(([flag, prefixes]) => (ON.test(source[flag] ?? '') ? prefixes : []))
  const prefixes = [...PASSED_PREFIXES, ...clouds]
  const names = new Set([...PASSED, ...extra])
  return Object.fromEntries(
    Object.entries(source).filter((entry): entry is [string, string] => {
      const [name, value] = entry
      if (value === undefined) return false
      return names.has(name) || PASSED_PROXIES.has(name.toUpperCase()) || prefixes.some((prefix) => name.startsWith(prefix))
    }),
  )
}

/** The first program of this name in the folders of a PATH, or null. */
export const onPath = (name: string, path: string): string | null => {
  for (const folder of path.split(delimiter)) {
    const file = join(folder, name)
    try {
      if (folder !== '') accessSync(file, constants.X_OK)
      else continue
      return file
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      if (code !== 'ENOENT' && code !== 'EACCES' && code !== 'ENOTDIR') throw error
    }
  }
  return null
}
