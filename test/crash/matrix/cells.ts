/** The cells of the matrix: whom a kill falls on, at which moment, and what goes on meanwhile. */
import { POINTS as REPORT_POINTS } from '../../../services/reports/points.ts'
import { POINTS as SCHEDULER_POINTS } from '../../../services/scheduler/points.ts'
import { APPROVAL_POINTS, POINTS, TASK_POINTS } from '../../../services/sessions/points.ts'
import type { Order } from '../run/orders.ts'
import type { Target } from '../run/plan.ts'
import type { Random } from '../run/random.ts'

/** What goes on: kinds of load by name. */
export type Work = 'chats' | 'tasks' | 'jobs' | 'memories' | 'reports' | 'approvals'

export interface Cell {
  readonly target: Target | 'power'
  /** A named point, half a line in the FIFO, or any moment. */
  readonly moment: string
  /** The service that passes the point; null at any moment. */
  readonly by: NonNullable<Order['by']> | null
  readonly work: readonly Work[]
  /** How many kills, one after the other, each with work of its own. */
  readonly kills: number
}

/** At these no turn has an agent yet, or has it no more. */
const WITHOUT_AGENT = new Set(['turn_committed', 'before_handing', 'outbox_sent'])

const sessionsCells = (target: Target, kills: number): Cell[] =>
  [...POINTS, 'half_line']
    .filter((moment) => !(target === 'agent' || target === 'keeper') || !WITHOUT_AGENT.has(moment))
    // Only its writer leaves half a line.
    .filter((moment) => moment !== 'half_line' || ['sessions', 'agent', 'pm2', 'power'].includes(target))
    .map((moment) => ({ target, moment, by: 'sessions', work: ['chats'], kills }))

const taskCells = (target: Target, kills: number): Cell[] =>
  TASK_POINTS.map((moment) => ({ target, moment, by: 'sessions', work: ['tasks'], kills }))

const approvalCells = (target: Target, kills: number): Cell[] =>
  APPROVAL_POINTS.map((moment) => ({ target, moment, by: 'sessions', work: ['approvals'], kills }))

const schedulerCells = (target: Target, kills: number): Cell[] =>
  SCHEDULER_POINTS.map((moment) => ({ target, moment, by: 'scheduler', work: ['jobs'], kills }))

const reportCells = (target: Target, kills: number): Cell[] =>
  REPORT_POINTS.map((moment) => ({ target, moment, by: 'reports', work: ['reports'], kills }))

/** Who has no named points of his own, under the work that he takes part in. */
const anyMoment = (kills: number): Cell[] =>
  (
    [
      ['edge', ['chats', 'memories']],
      ['history', ['chats']],
      ['memory', ['chats', 'memories']],
      ['metrics', ['chats', 'jobs']],
      ['agent', ['chats']],
      ['keeper', ['chats']],
    ] as const
  ).map(([target, work]) => ({ target, moment: 'any', by: null, work, kills }))

const everything: readonly Work[] = ['chats', 'tasks', 'jobs', 'memories', 'reports']

/** What others than the service itself are killed at, one point a cell. */
const foreign = (kills: number): Cell[] => [
  ...(['edge', 'history', 'agent', 'keeper'] as const).flatMap((target) => sessionsCells(target, kills)),
  ...(['sessions'] as const).flatMap((target) => schedulerCells(target, kills).filter(({ moment }) => moment === 'prompt_sent')),
]

const together = (target: 'pm2' | 'power', kills: number): Cell[] =>
  [sessionsCells, taskCells, approvalCells, schedulerCells, reportCells].flatMap((cells) =>
    cells('pm2', kills).map((cell) => ({ ...cell, target })),
  )

/** How many of the cells of a kind a quick run takes. */
const QUICK_FOREIGN = 8
const QUICK_TOGETHER = 4
const QUICK_POWER = 9

export interface MatrixSize {
  readonly full: boolean
  /** The kills of each cell. */
  readonly kills: number
}

/** Every service at every point of its own; others at points of others, and all at once, some of them or all. */
export const killCells = ({ full, kills }: MatrixSize, random: Random): Cell[] => {
  const some = (cells: Cell[], count: number): Cell[] => (full ? cells : random.shuffle(cells).slice(0, count))
  return [
    ...sessionsCells('sessions', kills),
    ...taskCells('sessions', kills),
    ...approvalCells('sessions', kills),
    ...schedulerCells('scheduler', kills),
    ...reportCells('reports', kills),
    ...anyMoment(kills * 2),
    ...some(foreign(kills), QUICK_FOREIGN),
    ...some(together('pm2', kills), QUICK_TOGETHER),
    { target: 'pm2', moment: 'any', by: null, work: everything, kills: kills * 2 },
  ]
}

/** Losses of power, at points and at any moment. */
export const powerCells = ({ full, kills }: MatrixSize, random: Random): Cell[] => {
  const points = together('power', kills)
  return [
    { target: 'power', moment: 'any', by: null, work: everything, kills: kills * 3 },
    ...(full ? points : random.shuffle(points).slice(0, QUICK_POWER)),
  ]
}

/** Cells that go together on one house, and the settings that it needs. */
export interface Group {
  readonly cells: readonly Cell[]
  readonly env: Readonly<Record<string, string>>
}

/** Where permissions are asked for, no other work gets on: that has a house of its own. */
export const groupsOf = (cells: readonly Cell[]): Group[] => {
  const asks = ({ work }: Cell): boolean => work.includes('approvals')
  const groups: Group[] = [
    { cells: cells.filter((cell) => !asks(cell)), env: {} },
    { cells: cells.filter(asks), env: { CLAUDE_PERMISSION_MODE: 'ask' } },
  ]
  return groups.filter((group) => group.cells.length > 0)
}
