/**
 * The environment of the Claude CLI: the same short list that an agent of sessions gets (a test compares the two; services import
 * nothing of each other), so none of our secrets is in it. And where programs are found.
 */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

type Environment = Readonly<Record<string, string | undefined>>

const PASSED = [
  ...['HOME', 'USER', 'LOGNAME', 'PATH', 'SHELL', 'LANG', 'TZ', 'TMPDIR', 'TERM'],
  ...['API_TIMEOUT_MS', 'IS_SANDBOX'],
]
const PASSED_PREFIXES = ['LC_', 'ANTHROPIC_', 'CLAUDE_CODE_', 'CLAUDE_CONFIG_DIR', 'DISABLE_']
const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY']
const CLOUDS: Readonly<Record<string, readonly string[]>> = {
  CLAUDE_CODE_USE_BEDROCK: ['AWS_'],
  CLAUDE_CODE_USE_VERTEX: ['GOOGLE_', 'CLOUDSDK_', 'GCLOUD_', 'VERTEX_', 'CLOUD_ML_'],
}

/** @param pass names of further variables, with commas between them (AGENT_ENV_PASS) */
export const claudeEnvironment = (source: Environment, pass: string): Record<string, string> => {
  const names = new Set([...PASSED, ...pass.split(',').map((name) => name.trim())])
  const clouds = Object.entries(CLOUDS).flatMap(([flag, prefixes]) => (source[flag] ? prefixes : []))
  const prefixes = [...PASSED_PREFIXES, ...clouds]
  const isPassed = (name: string): boolean =>
    names.has(name) || PROXIES.includes(name.toUpperCase()) || prefixes.some((prefix) => name.startsWith(prefix))
  return Object.fromEntries(
    Object.entries(source).filter((entry): entry is [string, string] => entry[1] !== undefined && isPassed(entry[0])),
  )
}

/** Where a program is, by the folders of PATH; null where it is in none of them. */
export const findOnPath = (name: string, path: string): string | null => {
  for (const folder of path.split(delimiter).filter(Boolean)) {
    const file = join(folder, name)
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch (error) {
      if (!['ENOENT', 'EACCES', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
  return null
}
