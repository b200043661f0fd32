/** Puts the parts of sessions together and takes up what the last life left. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { history } from '../../protocol/history.ts'
import type { memory } from '../../protocol/memory.ts'
import type { Client, Publisher } from '../../protocol/method.ts'
import type { sessions } from '../../protocol/sessions.ts'
import { createClosing } from '../runtime/deadline.ts'
import type { Home } from '../runtime/home.ts'
import type { Log } from '../runtime/log.ts'
import { packageRoot } from '../runtime/package-root.ts'
import { closeDatabase, openDatabase } from '../runtime/sqlite.ts'
import { type UntilWritten, untilWritten } from '../runtime/until-written.ts'
import { toApprovalId } from './agent/permission.ts'
import { Transcripts } from './agent/transcript.ts'
import { AgentPool } from './agent-pool.ts'
import { Approvals } from './approvals/approvals.ts'
import { createApprovalHandlers } from './approvals/service.ts'
import { openApprovalStore } from './approvals/store.ts'
import { HandOver, type HandOverDeps } from './hand-over.ts'
import { readHarnessFiles } from './harness/files.ts'
import { availableMemoryMb, defaultWarmAgents, freeDiskMb } from './limits.ts'
import { Outbox } from './outbox.ts'
import { takeBase } from './places.ts'
import type { At } from './points.ts'
import { findProgram } from './program.ts'
import { type PromptContext, readGlobalMemory } from './prompt.ts'
import { Recall } from './recall.ts'
import { createRetention } from './retention.ts'
import type { SessionRow, TurnRow } from './rows.ts'
import { createSessions } from './service.ts'
import { idleLimitOf, type Settings } from './settings.ts'
import { Budget } from './spend/budget.ts'
import { createSpendHandlers } from './spend/service.ts'
import { openSpendStore } from './spend/store.ts'
import { openStore } from './store.ts'
import { createTaskHandlers } from './tasks/service.ts'
import { openTaskStore, ownerOf } from './tasks/store.ts'
import { Tasks } from './tasks/tasks.ts'
import { openTelegram } from './telegram/open.ts'
import { createDeliveryHandlers } from './telegram/service.ts'
import { Turns } from './turns.ts'
import { type Chore, startUpkeep } from './upkeep.ts'
import { Watchdog, type WatchdogLimits } from './watchdog.ts'

const TICK_MS = 1_000
const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

const limitsOf = (env: Settings): WatchdogLimits => ({
  start_s: env.AGENT_START_TIMEOUT,
  silence_s: env.GATEWAY_CLAUDE_TIMEOUT,
  stuck_s: env.GATEWAY_BUSY_STUCK_TIMEOUT,
  turn_s: env.GATEWAY_TURN_MAX,
  task_silence_s: env.TASK_SILENCE_TIMEOUT,
  turn_log_mb: env.AGENT_TURN_LOG_MAX,
})

export interface OpenSessionsDeps {
  readonly env: Settings
  /** Our whole environment, of which an agent gets the allowed part. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly home: Home
  readonly log: Log
  readonly history: Client<typeof history>
  readonly memory: Pick<Client<typeof memory>, 'recall'>
  readonly publish: Publisher<typeof sessions>
  readonly defer: (name: string, release: () => void | Promise<void>) => void
  /** Hears of each named point; only crash tests listen. */
  readonly at?: At
}

/** Handlers that may be called, with the way to begin ticking and to drain. Releases are given to `defer`. */
export const openSessions = async (deps: OpenSessionsDeps) => {
  const { env, home, log, defer, at = () => undefined } = deps
  const base = takeBase(env.GATEWAY_SESSION_DIR, home.root)
  const migrations = join(packageRoot(import.meta.url), 'services/sessions/migrations')
  const db = openDatabase({ path: join(home.db, 'sessions.db'), migrations_dir: migrations, synchronous: 'FULL', log })
  defer('database', () => closeDatabase(db))
  const store = openStore(db)
  const ending = createClosing()
  const stubborn: UntilWritten = (what, fields, work) => untilWritten(log, what, fields, work, ending.signal)
  const program = await findProgram(env, deps.environment, join(home.root, 'demo'))
  if (program.about.problem !== null) log.error({ problem: program.about.problem }, 'the agent program cannot serve')
  const transcripts = new Transcripts(program.config_dir)
  const outbox = new Outbox({ store, history: deps.history, log, at })
  defer('outbox', () => outbox.close())
  const telegram = openTelegram({ db, env, home, log, at, onEnd: (owner) => tellOfTask(owner) })
  defer('deliveries', () => telegram.deliveries.close())
  const taskStore = openTaskStore(db)

  const memoryFiles = [join(home.root, 'global-memory.md'), join(homedir(), '.mini-claude-bot', 'global-memory.md')]
  const pool: AgentPool = new AgentPool({
    home: home.root,
    root: home.agents,
    store,
    program,
    log,
    orphan_s: env.AGENT_ORPHAN_TIMEOUT,
    log_max_mb: env.AGENT_LOG_MAX,
    max_warm: env.GATEWAY_MAX_WARM_AGENTS ?? defaultWarmAgents(),
    max_mb: env.AGENT_MAX_MB,
    permission_mode: env.CLAUDE_PERMISSION_MODE,
    events: (warm) => ({
      onResult: (turn, offset) => turns.onResult(turn, warm(), offset),
      onProof: (turn) => turns.onProof(turn),
      onFirstText: (turn) => turns.onFirstText(turn),
      onOwnTurn: (own, next) => turns.onOwnTurn(warm(), own, next),
      onPermission: (line, offset) => approvals.onLine(warm(), line, offset),
      onExit: (status) => {
        approvals.onExit(warm().row.n)
        turns.onExit(warm(), status)
      },
    }),
  })
  defer('agents', () => pool.close())

  const approvalStore = openApprovalStore(db)
  const approvals: Approvals = new Approvals({
    store: approvalStore,
    log,
    at,
    timeout_s: env.APPROVAL_TIMEOUT,
    agent: (n) => pool.get(n),
    onChange: ({ agent, offset, bot_id, chat_id, turn_id, state }) =>
      deps.publish.approval_changed({ approval_id: toApprovalId(agent, offset), bot_id, chat_id, turn_id, state }),
  })

  const spendStore = openSpendStore(db)
  const budget = new Budget(env, spendStore)
  const refusal: HandOverDeps['refusal'] = (turn) => budget.refusal(turn, Date.now())
  const recall = new Recall(deps.memory, log)
  const context = ({ lane }: TurnRow, { cwd }: SessionRow): Omit<PromptContext, 'memories'> => ({
    globalMemory: readGlobalMemory(memoryFiles),
    harness: readHarnessFiles(cwd, base),
    background: lane !== '',
    autoMode: env.GATEWAY_HARNESS_AUTO_MODE,
  })

  /** Idle agents are the first to go when memory is short. */
  const shortage = (): string | null => {
    const free = availableMemoryMb()
    if (free >= env.GATEWAY_MIN_FREE_MB) return null
    const [longestIdle] = pool.idle()
    if (longestIdle) pool.retire(longestIdle)
    return `only ${free} MB of memory are free, and GATEWAY_MIN_FREE_MB asks for ${env.GATEWAY_MIN_FREE_MB}`
  }
  const diskShortage = (): string | null => {
    const free = freeDiskMb(home.root)
    return free >= env.GATEWAY_MIN_FREE_DISK_MB
      ? null
      : `only ${free} MB of disk are free, and GATEWAY_MIN_FREE_DISK_MB asks for ${env.GATEWAY_MIN_FREE_DISK_MB}; the message was not taken`
  }

  /** Tells whoever listens how the task is doing that a delivery or a turn belongs to. */
  const tellOfTask = (owner: string): void => {
    const task = owner.startsWith('task:') ? taskStore.task(owner.slice('task:'.length)) : null
    if (!task) return
    const { task_id, bot_id, chat_id, state } = task
    deps.publish.task_changed({ task_id, bot_id, chat_id, state })
  }

  const turns: Turns = new Turns({
    store,
    pool,
    outbox,
    handOver: new HandOver({
      store,
      pool,
      transcripts,
      log,
      at,
      context,
      refusal,
      recall: ({ bot_id, message }) => recall.of(bot_id, message),
      untilWritten: stubborn,
      ending: ending.signal,
    }),
    program,
    log,
    untilWritten: stubborn,
    at,
    max_running: env.GATEWAY_MAX_CLAUDE_PROCESSES,
    max_tasks: env.GATEWAY_MAX_BACKGROUND_TASKS,
    queue_wait_s: env.GATEWAY_QUEUE_WAIT_TIMEOUT,
    watchdog: new Watchdog({
      ...{ pool, limits: limitsOf(env), log },
      isAsking: (agent) => approvals.isAsking(agent),
      permission_mode: env.CLAUDE_PERMISSION_MODE,
    }),
    shortage,
    onChange: ({ turn_id, bot_id, chat_id, state, lane }) => {
      deps.publish.turn_changed({ turn_id, bot_id, chat_id, state })
      if (lane !== '') tellOfTask(ownerOf(turn_id))
    },
    follow: (turn, end) => tasks.follow(turn, end),
  })
  const idleLimit = idleLimitOf(env)
  const archives = join(home.root, 'archives')
  const tasks: Tasks = new Tasks({
    store,
    taskStore,
    deliveries: telegram.deliveries,
    outbox,
    turns,
    log,
    at,
    base,
    diskShortage,
    refusal,
  })
  const handlers = {
    ...createSessions({
      ...{ store, pool, turns, outbox, transcripts, program, base, archives, idleLimit, diskShortage, refusal, at },
      dismissTasks: (botId, chatId) => taskStore.dismiss(botId, chatId, null),
    }),
    ...createTaskHandlers({
      ...{ store, taskStore, tasks, turns, deliveries: telegram.deliveries, tokens: telegram.tokens, history: deps.history },
      ...{ base, archives, max_running: env.GATEWAY_MAX_CLAUDE_PROCESSES },
      queue_wait_s: env.GATEWAY_QUEUE_WAIT_TIMEOUT,
      stuck_s: env.GATEWAY_BUSY_STUCK_TIMEOUT,
    }),
    ...createDeliveryHandlers(telegram),
    ...createSpendHandlers(spendStore, env),
    ...createApprovalHandlers(approvals),
  }
  turns.recover()
  outbox.poke()
  telegram.deliveries.recover()

  const start = (): void => {
    const retention = createRetention({
      ...{ env, store, archives, transcripts, log },
      folder: (n) => pool.folder(n),
      deliveries: telegram.deliveries,
      approvals: approvalStore,
    })
    const chores: Chore[] = [
      { every_ms: TICK_MS, run: (elapsed_ms) => turns.tick(elapsed_ms) },
      { every_ms: TICK_MS, run: () => approvals.expire(Date.now()) },
      { every_ms: MINUTE_MS, run: () => pool.touchLeases() },
      { every_ms: MINUTE_MS, run: () => void pool.reap(idleLimit) },
      { every_ms: MINUTE_MS / 6, run: () => pool.endLeftovers() },
      { every_ms: 10 * MINUTE_MS, run: () => pool.sweep() },
      { every_ms: MINUTE_MS, run: retention.logs },
      { every_ms: 60 * MINUTE_MS, run: retention.rows },
      { every_ms: DAY_MS, run: retention.records },
    ]
    const upkeep = startUpkeep(chores, (err) => log.error({ err }, 'What is done now and then failed; it is done again'))
    pool.sweep()
    retention.logs()
    retention.rows()
    retention.records()
    defer('upkeep', () => upkeep.stop())
  }
  // A call to Telegram that is cut off may have arrived: its repeat would carry a label.
  const drain = async (): Promise<void> => {
    ending.abort()
    await Promise.all([turns.drain(), approvals.drain(), telegram.deliveries.drain()])
  }
  return { handlers, start, drain }
}
