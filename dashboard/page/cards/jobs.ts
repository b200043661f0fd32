/** Scheduled jobs: how many, whether they succeed, and which come next. */
import { html, nothing, type TemplateResult } from 'lit'
import type { Payload } from '../../../protocol/dashboard.ts'
import { card } from '../card.ts'
import { formatAgo, formatAhead, formatCount, plural } from '../text/format.ts'

type Job = NonNullable<Payload['jobs']>['next'][number]

const KINDS = { shell: 'Shell command', claude: 'Prompt for Claude' } as const

const toneOf = ({ enabled, last_ok }: Job): 'off' | 'bad' | 'good' | 'none' =>
  !enabled ? 'off' : last_ok === false ? 'bad' : last_ok === true ? 'good' : 'none'

const STATES = { off: 'Switched off', bad: 'Last run failed', good: 'Last run succeeded', none: 'No run yet' } as const

const item = (job: Job, now: number): TemplateResult => {
  const tone = toneOf(job)
  const ran = job.last_run_at === null ? 'has not run yet' : `ran ${formatAgo(job.last_run_at, now)}`
  const kind = job.kind === null ? 'Job' : KINDS[job.kind]
  return html`
    <li>
      <span class="dot ${tone}" role="img" aria-label=${STATES[tone]} title=${STATES[tone]}></span>
      <span class="what">${job.name ?? kind}<small>${job.name === null ? ran : `${kind} · ${ran}`}</small></span>
      <span class="when">${job.next_run_at === null ? (job.enabled ? '' : 'off') : formatAhead(job.next_run_at, now)}</span>
    </li>
  `
}

export const jobsCard = ({ jobs }: Payload, now: number): TemplateResult => {
  if (jobs === null) return card({ id: 'jobs', title: 'Scheduled jobs' }, null)
  const note =
    jobs.failing === null || jobs.failing === 0 ? `${formatCount(jobs.enabled)} of ${formatCount(jobs.total)} on` : undefined
  const more = jobs.total - jobs.next.length
  return card(
    { id: 'jobs', title: 'Scheduled jobs', note },
    html`
      ${(jobs.failing ?? 0) > 0 ? html`<p class="alarm">${plural(jobs.failing ?? 0, 'job')} failed at the last run</p>` : nothing}
      ${jobs.total === 0 ? html`<p class="missing">No job is scheduled.</p>` : html`<ul class="jobs">${jobs.next.map((job) => item(job, now))}</ul>`}
      ${more > 0 ? html`<p class="more">and ${formatCount(more)} more</p>` : nothing}
    `,
  )
}
