/** A push by hand, and how pushing goes: what `switchboard push-metrics` says. */
import { PAYLOAD_LIMIT_BYTES } from '../../../protocol/dashboard.ts'
import type { SeriesPoint } from '../../../protocol/metrics.ts'
import { pastOf } from '../past.ts'
import { type DashboardPushDeps, openDashboardPush } from './open.ts'
import type { PushStatus } from './push.ts'

/** What is given on standard input: the answers of `metrics.current` and, of the hours, of `metrics.series`. */
export interface Measured {
  readonly current: unknown
  readonly series: readonly { readonly name: string; readonly points: SeriesPoint[] }[]
}

type Deps = Pick<DashboardPushDeps, 'env' | 'home' | 'log'>

export interface Said {
  readonly ok: boolean
  readonly lines: readonly string[]
}

const atOf = (moment: number): string => new Date(moment).toISOString().replace('T', ' ').slice(0, 16)

const writesOf = ({ writes: { used, budget } }: PushStatus): string => `${used} of ${budget} writes of this month are used.`

/** Pushes what was measured, whatever the pace says; the budget of the month holds. */
export const pushOnce = async (deps: Deps, { current, series }: Measured): Promise<Said> => {
  const points = ({ name }: { name: string }) => ({ points: series.find((one) => one.name === name)?.points ?? [] })
  const past = pastOf({ points } as unknown as Parameters<typeof pastOf>[0], Date.now())
  const push = openDashboardPush({ ...deps, current: async () => current, past: async () => past })
  const pushed = await push.pushNow()
  if (!pushed.ok) return { ok: false, lines: [`Nothing was pushed: ${pushed.problem}.`] }
  const host = new URL(deps.env.DASHBOARD_PUSH_URL ?? '').host
  return {
    ok: true,
    lines: [
      `Pushed to ${host}: ${pushed.bytes} of ${PAYLOAD_LIMIT_BYTES} bytes. ${writesOf(push.status())}`,
      `The page calls this current until ${atOf(pushed.payload.next_push_by)} UTC.`,
    ],
  }
}

/** What is set, what was pushed last and what is left of the budget. */
export const tellStatus = (deps: Deps): Said => {
  const status = openDashboardPush({ ...deps, current: async () => null }).status()
  const last =
    status.pushed_at === null || status.next_push_by === null
      ? 'Nothing was pushed yet.'
      : `Pushed last at ${atOf(status.pushed_at)} UTC; the next push is due by ${atOf(status.next_push_by)} UTC.`
  const shown = deps.env.DASHBOARD_SHOW ?? []
  const names = shown.length === 0 ? 'No names are shown.' : `Shown beside numbers: ${shown.join(', ')}.`
  return {
    ok: status.state === 'waiting',
    lines: [
      ...(status.problem === null ? [] : [`${status.state === 'off' ? 'Off: ' : ''}${status.problem}.`]),
      last,
      writesOf(status),
      names,
    ],
  }
}
