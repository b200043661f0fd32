import { randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Scope } from '../harness.ts'
import { demoAgentPath, type Host, type Line, makePlace, type Place, startHost } from './stream-json-host.ts'

/** One message that reached the model of a demo agent. */
export type Seen = { uuid: string; session_id: string; text: string; pid: number; at: number; merged: number }

/** A demo agent that obeys scripts, with what its model has seen. */
export type ScriptedAgent = Host & { place: Place; session: string; seen(): Seen[] }

export type ScriptedStart = { place?: Place; session?: string; resume?: boolean; env?: Record<string, string> }

/** Starts one; a second one of the same place and session continues the conversation and the journal. */
export function startScripted(t: Scope, options: ScriptedStart = {}): ScriptedAgent {
  const { place = makePlace(t), session = randomUUID(), resume = false, env = {} } = options
  const args = [resume ? '--resume' : '--session-id', session, '--permission-mode', 'bypassPermissions', '--strict-mcp-config']
  const journal = join(place.config_dir, 'journal')
  const host = startHost(t, [process.execPath, demoAgentPath()], {
    place,
    args,
    env: { DEMO_AGENT_SCRIPT: '1', DEMO_AGENT_JOURNAL: journal, ...env },
  })
  return { ...host, place, session, seen: () => readJournal(journal) }
}

/** The journal of demo agents (`DEMO_AGENT_JOURNAL`); empty when there is none yet. */
export function readJournal(path: string): Seen[] {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').trim().split('\n')
  return lines.map((line) => JSON.parse(line) as Seen)
}

/** The one transcript of a place; null when there is none. */
export function transcriptOf(place: Place): string | null {
  const projects = join(place.config_dir, 'projects')
  const [slug] = existsSync(projects) ? readdirSync(projects) : []
  const [file] = slug === undefined ? [] : readdirSync(join(projects, slug))
  return slug === undefined || file === undefined ? null : readFileSync(join(projects, slug, file), 'utf8')
}

/** The results that were shown so far. */
export function resultsOf(host: Host): Line[] {
  return host.lines.filter((line) => line.type === 'result')
}

/** Whether a line is the delta with this text. */
export function isDelta(text: string): (line: Line) => boolean {
  return (line) => line.event?.delta?.text === text
}
