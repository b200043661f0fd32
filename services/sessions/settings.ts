/** What the owner can set of sessions; `.env.example` says what each is for. Times in seconds, sizes in MB. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { BaseEnv, EnvFlag, EnvFolder, EnvUrl, envInteger, envNumber } from '../runtime/env.ts'
import type { SessionRef } from './rows.ts'

const DAY_S = 86_400
const seconds = (fallback: number, min = 1) => envInteger(min, 30 * DAY_S).default(fallback)
const megabytes = (fallback: number, min = 0) => envInteger(min, 100_000_000).default(fallback)

/** A limit; 0: none. */
const dollars = envNumber(0, 1_000_000).default(0)

/**
 * The CLI's modes, and `ask`: its default mode with somebody there to ask. In all but that one and the first a tool that
 * needs a permission is refused.
 */
const PermissionMode = z.enum(['bypassPermissions', 'ask', 'default', 'acceptEdits', 'dontAsk', 'plan', 'auto'])

export const Settings = BaseEnv.extend({
  GATEWAY_SESSION_DIR: EnvFolder.default(join(homedir(), 'claude-gateway-sessions')),
  GATEWAY_SESSION_IDLE_TIMEOUT: envInteger(1, 30 * DAY_S).optional(),
  GATEWAY_SESSION_TIMEOUT: seconds(7_200),
  GATEWAY_QUEUE_WAIT_TIMEOUT: seconds(900),
  GATEWAY_CLAUDE_TIMEOUT: seconds(600),
  GATEWAY_BUSY_STUCK_TIMEOUT: seconds(960),
  GATEWAY_TURN_MAX: seconds(7_200),
  GATEWAY_BG_SESSION_IDLE_TIMEOUT: seconds(14_400),
  GATEWAY_MAX_BACKGROUND_TASKS: envInteger(1, 10_000).default(2),
  TASK_SILENCE_TIMEOUT: seconds(21_600),
  GATEWAY_HARNESS_AUTO_MODE: EnvFlag.default(false),
  TELEGRAM_API_BASE: EnvUrl.default('https://api.telegram.org'),
  TELEGRAM_MAX_MESSAGES: envInteger(1, 100).default(10),
  TELEGRAM_RETRY_HOURS: envInteger(1, 168).default(24),
  GATEWAY_MAX_CLAUDE_PROCESSES: envInteger(1, 10_000).default(2),
  GATEWAY_MAX_WARM_AGENTS: envInteger(1, 10_000).optional(),
  GATEWAY_MIN_FREE_MB: megabytes(512),
  GATEWAY_MIN_FREE_DISK_MB: megabytes(1_024),
  AGENT_ORPHAN_TIMEOUT: seconds(1_800, 60),
  AGENT_START_TIMEOUT: seconds(60),
  AGENT_LOG_MAX: megabytes(64, 1),
  AGENT_TURN_LOG_MAX: megabytes(1_024, 1),
  AGENT_LOG_KEEP_DAYS: envInteger(1, 36_500).default(30),
  AGENT_LOG_KEEP_MB: megabytes(10_240, 1),
  ARCHIVE_KEEP_DAYS: envInteger(1, 36_500).default(730),
  AGENT_MAX_MB: megabytes(2_048, 1),
  SPEND_LIMIT_DAY_USD: dollars,
  SPEND_LIMIT_BOT_DAY_USD: dollars,
  SPEND_LIMIT_CHAT_DAY_USD: dollars,
  SPEND_UNATTENDED_PERCENT: envInteger(0, 100).default(80),
  AGENT_ENV_PASS: z.string().default(''),
  CLAUDE_BIN: z.string().optional(),
  APPROVAL_TIMEOUT: seconds(300, 5),
  CLAUDE_PERMISSION_MODE: PermissionMode.default('bypassPermissions'),
  CLAUDE_MODEL: z.string().optional(),
})
/** The modes, from those that let tools do least to those that let them do most. */
const FREEDOM: readonly string[] = ['plan', 'dontAsk', 'default', 'ask', 'acceptEdits', 'auto', 'bypassPermissions']

/** Whether an agent that was started in the mode `then` may do what `now` forbids. */
export const mayDoMore = (then: string, now: string): boolean => FREEDOM.indexOf(then) > FREEDOM.indexOf(now)

export type Settings = z.output<typeof Settings>

/** How long an agent may be idle, in seconds. The later of the predecessor's two names wins. */
export const idleLimitOf = (settings: Settings): ((session: SessionRef) => number) => {
  const ofChats = settings.GATEWAY_SESSION_IDLE_TIMEOUT ?? settings.GATEWAY_SESSION_TIMEOUT
  return ({ lane }) => (lane === '' ? ofChats : settings.GATEWAY_BG_SESSION_IDLE_TIMEOUT)
}
