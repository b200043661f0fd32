/** All checks of the doctor, side by side, each within its time. */
import { setTimeout as sleep } from 'node:timers/promises'
import { checkAgent, checkLogin } from './agent.ts'
import { checkBackups } from './backups.ts'
import { checkDatabases } from './databases.ts'
import { checkOllama } from './embeddings.ts'
import { type Finding, findingsOf } from './finding.ts'
import { checkClock, checkDisk, checkPermissions, checkSessionFolder } from './machine.ts'
import { checkNode, checkPm2 } from './node.ts'
import { checkAgents, checkPort, checkServices } from './processes.ts'
import { checkFonts, checkMail, checkTypesetting } from './reports.ts'
import { checkService } from './service.ts'
import type { Surroundings } from './surroundings.ts'

export type Check = (around: Surroundings) => Promise<Finding>

/** By the names that their findings bear, in the order in which they are shown. */
export const CHECKS: Readonly<Record<string, Check>> = {
  node: checkNode,
  claude: checkAgent,
  login: checkLogin,
  services: checkServices,
  service: checkService,
  port: checkPort,
  pm2: checkPm2,
  databases: checkDatabases,
  backups: checkBackups,
  disk: checkDisk,
  clock: checkClock,
  permissions: checkPermissions,
  sessions: checkSessionFolder,
  agents: checkAgents,
  ollama: checkOllama,
  xelatex: checkTypesetting,
  fonts: checkFonts,
  mail: checkMail,
}

/** A check that takes longer is told of as one that gave no answer. Above the patience that checks have with programs. */
export const CHECK_MS = 2_300

/** Runs the checks; one that throws or takes too long is a finding like any other. */
export const examine = async (
  around: Surroundings,
  checks: Readonly<Record<string, Check>> = CHECKS,
  check_ms = CHECK_MS,
): Promise<Finding[]> => {
  const stop = new AbortController()
  const late = sleep(check_ms, 'late' as const, { signal: stop.signal }).catch(() => 'late' as const)
  const findings = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      const { warn, fail } = findingsOf(name)
      try {
        const finding = await Promise.race([check(around), late])
        return finding === 'late'
          ? warn(`no answer within ${check_ms / 1_000} s`, 'Try again when the machine is less busy.')
          : finding
      } catch (error) {
        return fail(`it could not be looked at: ${(error as Error).message}`, 'Mend what is named, then run the doctor again.')
      }
    }),
  )
  stop.abort()
  return findings
}
