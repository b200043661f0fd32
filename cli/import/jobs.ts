/**
 * Jobs: made anew through the scheduler. It has no name by which it would know a repeat, so a note of what became of each job
 * is kept in `imported.json`; a job that is there just as it would be made, and that the note has for no other, counts as taken
 * over, too (the command may have been killed between the job and the note). One import at a time: the caller holds its lock.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { ServiceError } from '../../protocol/errors.ts'
import { scheduler } from '../../protocol/scheduler.ts'
import { ScheduleError, scheduleOf } from '../../services/runtime/cron/schedule.ts'
import { IMPORT_NOTE } from '../backup/journal.ts'
import { writeWhole } from '../backup/manifest.ts'
import { convert } from './cron-dialect.ts'
import type { OldRow, Predecessor } from './store.ts'
import { newTally, type Tally } from './tally.ts'

const Note = z.object({ jobs: z.record(z.string(), z.number()) })

export type NewJob = z.input<typeof scheduler.methods.create.input>

/** A job of the scheduler, as far as it tells which of the predecessor's it is. */
interface JobThere {
  readonly id: number
  readonly bot_id: string
  readonly name: string
  readonly command: string
  readonly cron_expression: string
  readonly timezone: string | null
}

/** The scheduler, as far as it is needed. */
export interface SchedulerDoor {
  list(): Promise<readonly JobThere[]>
  create(job: NewJob): Promise<number>
}

/** A job as the scheduler takes it, what is to be looked at, or why it cannot be taken over. */
export const toJob = (row: OldRow, cwd: string | undefined): { job: NewJob; review: string[] } | { problem: string } => {
  const { id, name, cron_expression, command, job_type } = row
  const title = `job ${id} (${name})`
  if (job_type !== 'shell' && job_type !== 'claude')
    return { problem: `${title}: a job of type ${JSON.stringify(job_type)} did nothing` }
  const converted = convert(String(cron_expression))
  if ('problem' in converted) return { problem: `${title}: ${converted.problem}` }
  const timezone = (typeof row.timezone === 'string' && row.timezone.trim()) || null
  try {
    if (scheduleOf(converted.expression, timezone).next(Date.now()) === null)
      return { problem: `${title}: "${cron_expression}" never comes due` }
  } catch (error) {
    if (error instanceof ScheduleError) return { problem: `${title}: its ${error.field} ${error.message}` }
    throw error
  }
  const parsed = scheduler.methods.create.input.safeParse({
    name,
    command,
    job_type,
    timezone,
    cron_expression: converted.expression,
    enabled: row.enabled !== 0,
    bot_id: typeof row.bot_id === 'string' && row.bot_id !== '' ? row.bot_id : 'default',
    ...(cwd === undefined || job_type !== 'shell' ? {} : { cwd }),
  })
  if (!parsed.success) return { problem: `${title}: ${z.prettifyError(parsed.error)}` }
  const review = [
    ...(converted.isChanged
      ? [`${title}: "${cron_expression}" counted weekdays from Monday, now "${converted.expression}"`]
      : []),
    ...(/mini-claude-bot/.test(parsed.data.command)
      ? [
          `${title}: its command names mini-claude-bot, which must stay where it is for that; reports and pushes are made here, too`,
        ]
      : []),
  ]
  return { job: parsed.data, review }
}

/** By what stays when its owner changes the job there: a job that was taken over and then given another hour is no new one. */
const keyOf = ({ id, bot_id, name, created_at }: OldRow): string =>
  createHash('sha256')
    .update(JSON.stringify([id, bot_id, name, created_at]))
    .digest('hex')
    .slice(0, 32)

const readNote = (home: string): z.output<typeof Note> => {
  const file = join(home, IMPORT_NOTE)
  return existsSync(file) ? Note.parse(JSON.parse(readFileSync(file, 'utf8'))) : { jobs: {} }
}

const WHAT_TELLS = ['bot_id', 'name', 'command', 'cron_expression', 'timezone'] as const

/** Takes over all jobs. @param door null: only looks; @param cwd the folder in which shell jobs run; absent: the user's own */
export const importJobs = async (
  old: Predecessor,
  { home, door, cwd }: { home: string; door: SchedulerDoor | null; cwd?: string | undefined },
): Promise<Tally> => {
  const tally = newTally('jobs')
  const note = readNote(home)
  const there = door === null ? [] : await door.list()
  const write = (key: string, id: number): void => {
    note.jobs[key] = id
    writeWhole(home, IMPORT_NOTE, `${JSON.stringify(note, null, 2)}\n`)
  }
  for (const row of [...old.pieces('cron_jobs', 500)].flat()) {
    tally.found += 1
    const made = toJob(row, cwd)
    if ('problem' in made) {
      tally.refused.push(made.problem)
      continue
    }
    const { job, review } = made
    const key = keyOf(row)
    if (note.jobs[key] === undefined) {
      const noted = new Set(Object.values(note.jobs))
      const equal = there.find((each) => !noted.has(each.id) && WHAT_TELLS.every((field) => each[field] === job[field]))
      if (equal !== undefined) write(key, equal.id)
    }
    if (note.jobs[key] !== undefined) {
      tally.known += 1
      continue
    }
    tally.review.push(...review)
    if (door === null) continue
    try {
      const here = await door.create(job)
      write(key, here)
      tally.taken += 1
      if (here !== row.id) tally.review.push(`job ${row.id} (${row.name}): it is number ${here} here`)
    } catch (error) {
      if (!(error instanceof ServiceError) || !['invalid_input', 'forbidden'].includes(error.code)) throw error
      tally.refused.push(`job ${row.id} (${row.name}): ${error.message}`)
    }
  }
  return tally
}
