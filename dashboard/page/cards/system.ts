/** The machine: how much of it is in use, and how that went during the last day. */
import { html, nothing, type TemplateResult } from 'lit'
import type { Payload } from '../../../protocol/dashboard.ts'
import { card } from '../card.ts'
import { lines } from '../charts/lines.ts'
import { meter } from '../charts/meter.ts'
import { formatNumber, formatSpan, percentOf } from '../text/format.ts'

type System = NonNullable<Payload['system']>

/** From here on a bar asks for attention. */
const TIGHT_PERCENT = 90
const HOUR_MS = 3_600_000

const gauge = (label: string, percent: number | null, words: string): TemplateResult => html`
  <div class="gauge">
    <dt>${label}</dt>
    <dd>${percent === null ? '–' : html`<strong>${percent} %</strong>`} <span class="of">${words}</span></dd>
    ${meter(percent, percent !== null && percent >= TIGHT_PERCENT ? 'warn' : 'accent')}
  </div>
`

const ofAll = (used: number | null, total: number | null): string =>
  used === null || total === null ? '' : `${formatNumber(used)} of ${formatNumber(total)} GB`

const pastOf = ({ past }: System): TemplateResult | typeof nothing => {
  const known = past?.cpu_percent.filter((value) => value !== null) ?? []
  if (past === null || known.length < 2) return nothing
  const label = `Processor in percent, ${past.cpu_percent.length} hours: from ${Math.min(...known)} to ${Math.max(...known)}`
  return html`
    <figure class="chart">
      ${lines(label, [
        { tone: 'accent', values: past.cpu_percent },
        { tone: 'second', values: past.memory_percent },
      ])}
      <figcaption>
        <span class="key accent">Processor</span><span class="key second">Memory</span
        ><span class="end">last ${past.cpu_percent.length} hours</span>
      </figcaption>
    </figure>
  `
}

export const systemCard = ({ system }: Payload): TemplateResult => {
  const note = system?.uptime_hours == null ? undefined : `up for ${formatSpan(system.uptime_hours * HOUR_MS)}`
  if (system === null) return card({ id: 'system', title: 'System' }, null)
  const memory = percentOf(system.memory_used_gb, system.memory_total_gb)
  const disk = percentOf(system.disk_used_gb, system.disk_total_gb)
  return card(
    { id: 'system', title: 'System', note },
    html`
      <dl class="gauges">
        ${gauge('Processor', system.cpu_percent, system.load === null ? '' : `load ${system.load.map(formatNumber).join(' · ')}`)}
        ${gauge('Memory', memory, ofAll(system.memory_used_gb, system.memory_total_gb))}
        ${gauge('Disk', disk, ofAll(system.disk_used_gb, system.disk_total_gb))}
      </dl>
      ${pastOf(system)}
    `,
  )
}
