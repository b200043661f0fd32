/** What a look at everything that can be asked over the connection finds: how each thing is, and what to do. */

import { type Health, readHealth } from '../../connection/health.ts'
import type { Output } from '../../connection/methods.ts'
import type { Caller } from '../../connection/reading.ts'
import { bytes, duration, number, percent } from '../../i18n/format.ts'
import { href } from '../../router.ts'
import type { Finding, Level } from './finding-list.ts'
import { settingsWords } from './words.ts'

/** What was learned; undefined where whoever knows did not answer, which the look at the services tells. */
export interface Examined {
  readonly health: Health
  readonly memory: Output<'memory.status'> | undefined
  readonly metrics: Output<'metrics.current'> | undefined
  readonly jobs: Output<'scheduler.list'> | undefined
  readonly failed: Output<'sessions.list_deliveries'> | undefined
  readonly reports: Output<'reports.status'> | undefined
}

const PATIENCE_MS = 6_000
const DAY_MS = 86_400_000
const GIGABYTE = 1_024 ** 3
/** From here on metrics itself warns (docs/metrics.md). */
const DISK_PERCENT = 90
const FAILED_SHOWN = 50

/** Asks everybody that is up, at the same time: who is down is a finding, and nobody to wait for. */
export const examine = async (connection: Caller, signal: AbortSignal): Promise<Examined> => {
  const health = await readHealth(signal)
  const options = { timeout_ms: PATIENCE_MS, signal }
  const ask = async <T>(service: string, call: () => Promise<T>): Promise<T | undefined> =>
    health.services[service] === 'down' ? undefined : await call().catch(() => undefined)
  const [memory, metrics, jobs, failed, reports] = await Promise.all([
    ask('memory', () => connection.call('memory.status', {}, options)),
    ask('metrics', () => connection.call('metrics.current', {}, options)),
    ask('scheduler', () => connection.call('scheduler.list', { bot_id: '' }, options)),
    ask('sessions', () => connection.call('sessions.list_deliveries', { state: 'failed', limit: FAILED_SHOWN }, options)),
    ask('reports', () => connection.call('reports.status', {}, options)),
  ])
  return { health, memory, metrics, jobs, failed, reports }
}

const ofEdge = ({ health }: Examined): Finding[] => {
  const { edge, service, agent } = settingsWords()
  const ofServices = Object.entries(health.services).map(
    ([name, state]): Finding =>
      state === 'up'
        ? { level: 'ok', title: name, what: service.up }
        : { level: 'fail', title: name, what: service.down, advice: service.advice(name), place: href('metrics') },
  )
  const { kind, version, problem } = health.agent
  return [
    { level: 'ok', title: edge.title, what: edge.up(duration(health.uptime_seconds * 1_000)) },
    health.adapter === 'uws'
      ? { level: 'ok', title: edge.title, what: edge.uws }
      : { level: 'warn', title: edge.title, what: edge.node, advice: edge.nodeAdvice },
    ...ofServices,
    problem !== null
      ? { level: 'fail', title: agent.title, what: problem }
      : kind === 'demo'
        ? { level: 'warn', title: agent.title, what: agent.demo, advice: agent.demoAdvice }
        : { level: 'ok', title: agent.title, what: agent.claude(version ?? '') },
  ]
}

const ofMachine = ({ metrics }: Examined): Finding[] => {
  const text = settingsWords()
  if (metrics === undefined) return []
  const { system, alerts, notes } = metrics
  const told = alerts.map(
    ({ level, subject, message }): Finding => ({
      level: level === 'critical' ? 'fail' : 'warn',
      title: subject,
      what: message,
      place: href('metrics'),
    }),
  )
  const noted = notes.map(
    ({ part, problem }): Finding => ({ level: 'warn', title: `${text.metrics.title}: ${part}`, what: problem }),
  )
  if (system === null) return [...told, ...noted]
  const isFull = system.disk_used_percent >= DISK_PERCENT
  const what = text.disk.used(percent(system.disk_used_percent / 100), bytes(system.disk_free_gb * GIGABYTE))
  const free = text.ram.free(bytes(system.memory_free_gb * GIGABYTE), bytes(system.memory_total_gb * GIGABYTE))
  const isTight = alerts.some(({ kind }) => kind === 'memory_low')
  return [
    ...told,
    ...noted,
    { level: isFull ? 'warn' : 'ok', title: text.disk.title, what, ...(isFull ? { advice: text.disk.advice } : {}) },
    { level: isTight ? 'warn' : 'ok', title: text.ram.title, what: free, ...(isTight ? { advice: text.ram.advice } : {}) },
  ]
}

const ofMemory = ({ memory }: Examined): Finding[] => {
  const { embedding: text } = settingsWords()
  if (memory === undefined) return []
  const { embedding, pending } = memory
  const waiting = pending === 0 ? '' : `. ${text.wait(number(pending))}`
  const what = embedding.answering ? text.ok(embedding.model ?? '') : text.silent
  const place = href('memory', ['model'])
  const level: Level = embedding.answering && embedding.problem === null ? 'ok' : 'warn'
  const advice = embedding.problem === null ? {} : { advice: embedding.problem }
  return embedding.mode === 'off' ? [] : [{ level, title: text.title, what: what + waiting, place, ...advice }]
}

const ofWork = ({ jobs, failed, reports }: Examined, now: number): Finding[] => {
  const text = settingsWords()
  const findings: Finding[] = []
  const unwell = jobs?.filter(({ failures, problem }) => failures > 0 || problem !== null) ?? []
  if (unwell.length > 0) {
    const names = unwell.map(({ name }) => name).join(', ')
    const place = href('jobs', unwell.length === 1 ? [String(unwell[0]?.id)] : [])
    findings.push({ level: 'warn', title: text.jobs.title, what: text.jobs.failing(names), advice: text.jobs.advice, place })
  } else if (jobs !== undefined) findings.push({ level: 'ok', title: text.jobs.title, what: text.jobs.ok(jobs.length) })
  const late = failed?.deliveries.filter(({ created_at }) => created_at > now - DAY_MS) ?? []
  const [newest] = late
  if (newest !== undefined) {
    const [kind, id] = newest.owner.split(':')
    findings.push({
      level: 'warn',
      title: text.deliveries.title,
      what: text.deliveries.failed(late.length),
      ...(newest.reason === null ? {} : { advice: newest.reason }),
      ...(kind === 'task' && id !== undefined ? { place: href('tasks', [id]) } : {}),
    })
  } else if (failed !== undefined) findings.push({ level: 'ok', title: text.deliveries.title, what: text.deliveries.ok })
  if (reports !== undefined) {
    const place = href('reports')
    for (const missing of reports.missing) findings.push({ level: 'warn', title: text.reports.title, what: missing, place })
    if (reports.missing.length === 0)
      findings.push({ level: 'ok', title: text.reports.title, what: text.reports.ok(reports.engine, reports.mail), place })
  }
  return findings
}

const RANK: Readonly<Record<Level, number>> = { fail: 0, warn: 1, ok: 2 }

/** All findings, the worst first. */
export const findingsOf = (examined: Examined, now = Date.now()): Finding[] =>
  [...ofEdge(examined), ...ofMachine(examined), ...ofMemory(examined), ...ofWork(examined, now)].sort(
    (a, b) => RANK[a.level] - RANK[b.level],
  )
