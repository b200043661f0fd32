/**
 * A whole Switchboard to be attacked: the seven services as processes, and beside their edge four more of both servers, with a
 * token and without, so that each door is tried in each way in which it can stand. What all of them keep can be looked at.
 */
import { createHash, randomUUID } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import Database from 'better-sqlite3'
import { type EdgeOptions, openEdge } from '../../gateway-edge/edge.ts'
import { readPanel } from '../../gateway-edge/http/panel.ts'
import { chooseServer } from '../../gateway-edge/server/open.ts'
import { openUwsServer } from '../../gateway-edge/server/uws.ts'
import { createClient } from '../../protocol/client.ts'
import { type Clients, clientsOf, SERVICE_NAMES, type ServiceName } from '../../protocol/contract.ts'
import { openSubscriber } from '../../protocol/wire/bus.ts'
import type { Pong } from '../../protocol/wire/frames.ts'
import { openLink, type WireLink } from '../../protocol/wire/link.ts'
import { packageRoot } from '../../services/runtime/package-root.ts'
import { recordingLog } from '../fakes/pair.ts'
import { ADAPTERS } from '../gateway-edge/each-adapter.ts'
import { atEnd, eventually, type Scope } from '../harness.ts'
import { openPanelHouse, type PanelHouse } from '../web/house.ts'

/** Every process that answers on a socket of its own. */
export const PROCESSES = [...SERVICE_NAMES, 'edge'] as const
export type ProcessName = (typeof PROCESSES)[number]

/** One of the edges in this process. */
export interface Gate {
  readonly name: string
  readonly port: number
  readonly token: string | undefined
  readonly lines: () => readonly string[]
}

export interface Whole {
  readonly house: PanelHouse
  readonly run_dir: string
  readonly gates: readonly Gate[]
  readonly clients: Clients
  /** How each process is doing, each of which must answer a ping. */
  pongs(): Promise<Record<ProcessName, Pong>>
  /** The pid of each. */
  pids(): Promise<Record<string, number>>
  /** All that is kept: a hash of each table, and every file and folder. */
  snapshot(): Snapshot
}

export interface Snapshot {
  readonly tables: Readonly<Record<string, string>>
  readonly paths: readonly string[]
}

/** Generous: the machine may be crowded, and a process that hangs does not answer at all. */
const PING_MS = 20_000
/** How long agents may take to leave. */
const LEAVE_MS = 10_000

/** What services write although nobody asks them to: looks at the machine, and when somebody last looked. */
const RESTLESS = /^metrics\.|^sqlite_|^scheduler\.(clock|heartbeat)/

const tablesOf = (home: string): Record<string, string> => {
  const found: Record<string, string> = {}
  for (const file of readdirSync(join(home, 'db')).filter((name) => name.endsWith('.db'))) {
    const db = new Database(join(home, 'db', file), { readonly: true })
    try {
      const service = file.slice(0, -3)
      const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'").all()
      for (const { name } of tables as { name: string }[]) {
        if (RESTLESS.test(`${service}.${name}`)) continue
        const hash = createHash('sha256')
        for (const row of db.prepare(`SELECT * FROM "${name}"`).raw().iterate()) hash.update(JSON.stringify(row))
        found[`${service}.${name}`] = hash.digest('hex')
      }
    } finally {
      db.close()
    }
  }
  return found
}

const pathsOf = (home: string): string[] =>
  readdirSync(home, { recursive: true, withFileTypes: true })
    .map((entry) => relative(home, join(entry.parentPath, entry.name)))
    .filter((path) => !/-(wal|shm|journal)$/.test(path))
    .sort()

/** Opens it. @param env settings of its processes; the token is that of its own edge, too */
export const openWhole = async (t: Scope, token: string, env: Readonly<Record<string, string>> = {}): Promise<Whole> => {
  const house = await openPanelHouse(t, { token, env: { EMBEDDINGS: 'off', METRICS_SAMPLE_SECONDS: '3600', ...env } })
  const run_dir = join(house.home, 'run')
  const links = new Map<ProcessName, WireLink>(PROCESSES.map((service) => [service, openLink({ run_dir, service })]))
  const linkOf = (service: ProcessName): WireLink => links.get(service) as WireLink
  atEnd(t, async () => void (await Promise.all([...links.values()].map((link) => link.close()))))
  const clients = clientsOf((service) => createClient(service, linkOf(service).call))
  const answers = (service: ServiceName, patience_ms: number): Promise<boolean> =>
    linkOf(service)
      .ping(patience_ms)
      .then(
        () => true,
        () => false,
      )
  const panel = readPanel(join(packageRoot(import.meta.url), 'dist', 'web'))

  const openGate = async (name: keyof typeof ADAPTERS, shown: string | undefined): Promise<Gate> => {
    const log = recordingLog()
    const listen: EdgeOptions['listen'] = (wanted) => openSubscriber({ run_dir, ...wanted })
    const edge = await openEdge({
      ...{ host: '127.0.0.1', port: 0, openServer: ADAPTERS[name], clients, isUp: answers, listen, log, panel },
      instance: randomUUID(),
      access: { token: shown },
    })
    atEnd(t, async () => {
      await edge.drain()
      edge.close()
    })
    const lines = (): string[] => log.lines.map(({ fields, text }) => `${text} ${JSON.stringify(fields)}`)
    return { name: `${name}${shown === undefined ? '' : ' with a token'}`, port: edge.port, token: shown, lines }
  }
  const names = chooseServer('auto') === openUwsServer ? (['uws', 'node'] as const) : (['node'] as const)
  const gates: Gate[] = []
  for (const name of names) for (const shown of [undefined, token]) gates.push(await openGate(name, shown))

  // An agent that begins while everything ends would write into a folder that is being removed.
  const finish = async (): Promise<void> => {
    await clients.sessions.retire({})
    await eventually(async () => (await clients.sessions.status({})).live_agents === 0, { timeout_ms: LEAVE_MS })
  }
  // One that does not come to an end, or a service that a test has killed, is for the house to end.
  atEnd(t, () => finish().catch((error: Error) => console.error(error.message)))

  const pongs: Whole['pongs'] = async () => {
    const all = await Promise.all(PROCESSES.map(async (name) => [name, await linkOf(name).ping(PING_MS)] as const))
    return Object.fromEntries(all) as Record<ProcessName, Pong>
  }

  return {
    house,
    run_dir,
    gates,
    clients,
    pongs,
    pids: async () => Object.fromEntries(Object.entries(await pongs()).map(([name, { pid }]) => [name, pid])),
    snapshot: () => ({ tables: tablesOf(house.home), paths: pathsOf(house.home) }),
  }
}
