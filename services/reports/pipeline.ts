/**
 * The pipeline: how a report comes from its order to its end.
 *
 * *gather* asks Claude what happened; *write* has it brought into the typed structure; *typeset* makes the PDF of it; *proof* looks at
 * that and may send it back, once to be set smaller, once to be written shorter; *send* waits for the mailer. A step that fails is tried once more, with the
 * complaint; then the report has *failed*, in words for its owner. Whoever wants no mail is *done* after *proof*.
 *
 * - **A** A report is in one step at a time, and each change of it is one conditional update: a step that was cancelled meanwhile
 *   changes nothing.
 * - **B** The folder of a program is on disk before the program starts, and what came of it before the next step begins: the next
 *   life takes up the same program, or reads its end, and asks and pays nothing a second time.
 * - **C** That a mail is to be sent, and to whom, is one transaction with the end of *proof*: nobody is mailed the same day's
 *   report twice, unless it was forced (`mail_recipients`).
 * - **D** A report ends once. Its end, and the word to its owner where it failed, are one transaction.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { ServiceError } from '../../protocol/errors.ts'
import type { ReportState } from '../../protocol/reports.ts'
import { createClosing } from '../runtime/deadline.ts'
import type { Log } from '../runtime/log.ts'
import { bootId } from '../runtime/process.ts'
import { isDatabaseTrouble } from '../runtime/sqlite.ts'
import { exampleOf } from './content/example.ts'
import { type Desk, wordsToOwner } from './desk.ts'
import { clearSteps } from './one-shot/leftovers.ts'
import { OneShot } from './one-shot/one-shot.ts'
import type { At, Point } from './points.ts'
import type { MailRow, ReportChange, ReportRow } from './rows.ts'
import { gatherStep, proof, type Step, type StepDeps, type StepEnd, typesetStep, writeStep } from './steps.ts'
import type { Store } from './store.ts'

/** Claude takes 300 MB each time. */
const AT_ONCE = 2
/** The first try and one more. */
const TRIES = 2
/** How long to wait where something could not be written (the disk is full). */
const AGAIN_MS = 500
const CANCELLED = 'It was cancelled'

const NEXT = { gather: 'write', write: 'typeset', typeset: 'proof' } as const
const NOTED: Readonly<Record<keyof typeof NEXT, [noted: Point, ended: Point]>> = {
  gather: ['gather_noted', 'gathered'],
  write: ['write_noted', 'written'],
  typeset: ['typeset_noted', 'typeset'],
}
const BEGINS: Readonly<Record<string, string>> = {
  gather: 'Claude looks for the news on the web',
  write: 'Claude writes the report',
  typeset: 'The report is being typeset',
}

export interface PipelineDeps extends StepDeps {
  readonly store: Store
  readonly desk: Desk
  readonly log: Log
  readonly at: At
  readonly now: () => number
  /** After each commit that changed a report. */
  readonly onChange: (report: ReportRow) => void
  /** There is a mail to be sent. */
  readonly onMail: () => void
}

export class Pipeline {
  readonly #deps: PipelineDeps
  readonly #closing = createClosing()
  /** What is being worked at, with the way to stop it. */
  readonly #active = new Map<string, AbortController>()

  constructor(deps: PipelineDeps) {
    this.#deps = deps
  }

  /** Takes up what may be worked at; to be called when there is something new, and at the start. */
  poke(): void {
    if (this.#closing.signal.aborted) return
    for (const report of this.#deps.store.open()) {
      if (this.#active.size >= AT_ONCE) return
      if (report.state === 'send' || this.#active.has(report.report_id)) continue
      const stop = new AbortController()
      this.#active.set(report.report_id, stop)
      void this.#work(report, stop.signal).finally(() => {
        this.#active.delete(report.report_id)
        if (this.#closing.signal.aborted) return
        this.#sweep(report.report_id)
        try {
          this.poke()
        } catch (error) {
          this.#deps.log.error({ err: error }, 'Which report comes next could not be read; the next order asks again')
        }
      })
    }
  }

  /** Lets go of all programs; they go on, and the next life takes them up. */
  close(): void {
    this.#closing.abort()
  }

  /** Ends a report that is still being made; false when it had ended, or its mail is being handed over. */
  cancel(report: ReportRow): boolean {
    const { store } = this.#deps
    const isDone = store.atomically(() => {
      const mail = report.state === 'send' ? store.mailOf(report.report_id) : undefined
      if (mail !== undefined) {
        if (!store.changeMail(mail.mail_id, ['waiting'], { state: 'failed', reason: CANCELLED, next_at: null })) return false
        store.release(mail.mail_id)
      }
      return this.#enter(report, 'cancelled', { step: report.state, reason: CANCELLED, run: null }, CANCELLED) !== undefined
    })
    this.#active.get(report.report_id)?.abort(CANCELLED)
    if (isDone) this.#tell(report.report_id)
    return isDone
  }

  /** Mails a report that has ended, as it is; throws `conflict` where there is nothing to mail, or nobody to mail it to. */
  resend(report: ReportRow, force: boolean): void {
    const { store, desk, now, folderOf } = this.#deps
    const { report_id, state } = report
    const before = store.mailOf(report_id)
    if (report.ended_at === null) throw new ServiceError('conflict', 'It is still being made; its mail follows by itself')
    if (report.sha256 === null) throw new ServiceError('conflict', 'It has no PDF that could be mailed; order it again')
    if (state === 'doubtful' && !force)
      throw new ServiceError('conflict', 'It may have arrived: look first, then send it with force')
    const found = proof(report, folderOf(report))
    if ('back' in found || 'fault' in found) throw new ServiceError('conflict', 'Its PDF is not on disk any more; order it again')
    store.atomically(() => {
      const wanted = { ...report, force: force ? 1 : 0 } as const
      const mail = desk.mailFor(wanted)
      if ('note' in mail) throw new ServiceError('conflict', mail.note)
      // Under the id it had: whoever did get it, and keeps copies by their ids, sees one.
      const message_id = state === 'doubtful' && before !== undefined ? before.message_id : mail.mail.message_id
      this.#enter(report, 'send', { step: null, reason: null, force: wanted.force }, 'It is to be mailed')
      desk.post(wanted, { ...mail.mail, message_id }, now())
    })
    this.#tell(report_id)
    this.#deps.onMail()
  }

  /** What follows from the end of a mail; within its transaction. Gives back what is to be told after the commit. */
  onMailEnd(mail: MailRow): () => void {
    const { store, desk, log } = this.#deps
    const { report_id, kind } = mail
    const report = store.get(report_id)
    if (report === undefined || kind === 'alert') {
      if (mail.state !== 'sent') log.error({ report_id, reason: mail.reason }, 'The owner could not be told by mail')
      return () => undefined
    }
    if (mail.state === 'sent') desk.keepThread(report, mail)
    const note = mail.state === 'sent' && mail.reason !== null ? { notes: addNote(report, mail.reason) } : {}
    if (mail.state === 'sent') this.#enter(report, 'done', note, sentWords(mail))
    else this.#fail(report, mail.state === 'doubtful' ? 'doubtful' : 'failed', mail.reason ?? 'the mail could not be sent')
    return () => {
      this.#deps.at('ended')
      this.#tell(report_id)
      this.#deps.onMail()
    }
  }

  /** Never rejects. */
  async #work({ report_id }: ReportRow, stopped: AbortSignal): Promise<void> {
    const { store, log } = this.#deps
    const { signal } = this.#closing
    let fault: string | null = null
    while (!signal.aborted) {
      try {
        const report = store.get(report_id)
        if (report === undefined || report.ended_at !== null || report.state === 'send') return
        if (fault === null) await this.#step(report, stopped)
        else this.#settle(report, { fault, again: false })
      } catch (error) {
        log.error({ err: error, report_id }, 'A step of a report broke off')
        // B: what the disk had no room for is looked for in the folder of the program again.
        if (fault !== null || isDatabaseTrouble(error)) await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined)
        else fault = `It broke off: ${(error as Error).message}`
      }
    }
  }

  async #step(report: ReportRow, stopped: AbortSignal): Promise<void> {
    if (report.state === 'proof') return this.#proof(report)
    const state = report.state as keyof typeof NEXT
    if (report.example === 1 && state !== 'typeset') return this.#example(report, state)
    const step = this.#stepOf(report)
    if ('fault' in step) return this.#settle(report, step)
    const end = await this.#run(report, step, stopped)
    this.#deps.at(NOTED[state][1])
    this.#settle(report, end)
  }

  /** Nothing is asked and nothing is spent. */
  #example(report: ReportRow, state: 'gather' | 'write'): void {
    const change = state === 'gather' ? { gathered: '' } : { content: JSON.stringify(exampleOf(report.lang)) }
    this.#settle(report, { change, text: state === 'gather' ? 'No Claude is set up: this is an example' : 'Written' })
  }

  #stepOf(report: ReportRow): Step | Extract<StepEnd, { fault: string }> {
    const { claude, engines, settings, folderOf } = this.#deps
    if (report.state === 'typeset') {
      // The other typesetter gets its try where the first has failed.
      const engine = engines[Math.min(report.tries, engines.length - 1)]
      if (engine === undefined) return { fault: 'There is no typesetter', again: false }
      return typesetStep(report, engine, folderOf(report))
    }
    if (claude === null)
      return {
        fault:
          'There is no Claude CLI: install it (npm install -g @anthropic-ai/claude-code), run claude once to log in, and restart',
        again: false,
      }
    return report.state === 'gather' ? gatherStep(report, claude, settings) : writeStep(report, claude)
  }

  /** B */
  async #run(report: ReportRow, step: Step, stopped: AbortSignal): Promise<StepEnd> {
    const { store, now, at, folderOf } = this.#deps
    const { report_id, state, run, run_at, tries, density } = report
    const folder = folderOf(report)
    if (run !== null && !isDoubted(run, state)) {
      const shot = new OneShot(folder, run, step.bounds)
      const taken = shot.takeUp(Math.max(0, now() - (run_at ?? 0)), stopped, this.#closing.signal)
      if (taken !== null) return step.end(shot, await taken)
    }
    const begun = now()
    const name = `${report_id}-${state}-${tries + 1}-${density}-${lifeOfMachine()}${run === null ? '' : `-${begun}`}`
    const noted = store.atomically(() => {
      store.addProgress(report_id, { at: begun, state, text: BEGINS[state] ?? state })
      return store.change(report_id, state, { run: name, run_at: begun })
    })
    if (noted === undefined) return { fault: CANCELLED, again: false }
    this.#tell(report_id)
    at(NOTED[state as keyof typeof NEXT][0])
    const shot = new OneShot(folder, name, step.bounds)
    return step.end(shot, await shot.start(step.program(), stopped, this.#closing.signal))
  }

  #proof(report: ReportRow): void {
    const { store, desk, folderOf, at, now } = this.#deps
    const found = proof(report, folderOf(report))
    at('proofed')
    if ('back' in found) return this.#commit(report, found.back, { ...found.change, tries: 0, run: null }, found.text)
    if ('fault' in found) return this.#settle(report, found)
    const mailed = store.atomically(() => {
      const mail = report.wants_mail === 1 ? desk.mailFor(report) : { note: null }
      if ('note' in mail) {
        const note = mail.note === null ? {} : { notes: addNote(report, mail.note) }
        this.#enter(report, 'done', { ...found.change, ...note }, mail.note ?? found.text)
        return false
      }
      const entered = this.#enter(report, 'send', found.change, `${found.text}; it is to be mailed`)
      if (entered !== undefined) desk.post(report, mail.mail, now())
      return entered !== undefined
    })
    at(mailed ? 'mail_noted' : 'ended')
    this.#tell(report.report_id)
    if (mailed) this.#deps.onMail()
  }

  /** Writes down how a step ended, and so which one comes next. */
  #settle(report: ReportRow, end: StepEnd): void {
    const { store, now } = this.#deps
    if (!('fault' in end)) {
      const next = NEXT[report.state as keyof typeof NEXT]
      return this.#commit(report, next, { ...end.change, tries: 0, run: null, complaint: null }, end.text)
    }
    const tries = report.tries + 1
    if (end.again && tries < TRIES) {
      const text = `${end.fault.split('\n')[0]}; it is tried once more`
      store.atomically(() => {
        const changed = store.change(report.report_id, report.state, { ...end.change, tries, run: null })
        if (changed !== undefined) store.addProgress(report.report_id, { at: now(), state: report.state, text })
      })
      return this.#tell(report.report_id)
    }
    store.atomically(() => this.#fail(report, 'failed', end.fault, end.change))
    this.#deps.at('ended')
    this.#tell(report.report_id)
    this.#deps.onMail()
  }

  /** D: within a transaction. */
  #fail(report: ReportRow, state: 'failed' | 'doubtful', reason: string, change: ReportChange = {}): void {
    const { store, desk, now, log } = this.#deps
    if (this.#enter(report, state, { ...change, step: report.state, reason, run: null }, reason) === undefined) return
    log.error(
      { report_id: report.report_id, lang: report.lang, step: report.state, reason },
      'A report could not be made or mailed',
    )
    const alert = desk.alertFor(report, wordsToOwner(report, state, reason, store.mailOf(report.report_id)))
    if (alert !== null && !store.hasAlert(report.report_id)) store.addMail(alert, now())
  }

  #commit(report: ReportRow, to: ReportState, change: ReportChange, text: string): void {
    this.#deps.store.atomically(() => this.#enter(report, to, change, text))
    this.#tell(report.report_id)
  }

  /** A: within a transaction; undefined where the report is not in that state any more. */
  #enter(report: ReportRow, to: ReportState, change: ReportChange, text: string): ReportRow | undefined {
    const { store, now } = this.#deps
    const ended_at = ['done', 'failed', 'doubtful', 'cancelled'].includes(to) ? now() : null
    const row = store.change(report.report_id, report.state, { ...change, state: to, ended_at })
    if (row !== undefined) store.addProgress(report.report_id, { at: now(), state: to, text })
    return row
  }

  #tell(report_id: string): void {
    const report = this.#deps.store.get(report_id)
    if (report === undefined) return
    this.#deps.onChange(report)
    this.#sweep(report_id)
  }

  /** The folders of the steps have done their work when a report has ended and nobody follows a program in them; its papers stay. */
  #sweep(report_id: string): void {
    const { store, folderOf, log } = this.#deps
    try {
      const report = store.get(report_id)
      if (report === undefined || report.ended_at === null || this.#active.has(report_id)) return
      clearSteps(folderOf(report), (id) => id === report_id)
    } catch (error) {
      log.warn({ err: error, report_id }, 'What the steps of a report left on disk could not be removed')
    }
  }
}

/** Part of the name of each run: in which life of the machine it was begun. */
const lifeOfMachine = (): string => bootId().slice(0, 8)

/**
 * Whether what a run has left may be torn: the machine has been started anew since, and nobody forced it to the disk. A paper is set
 * again, which costs nothing; what Claude has answered is taken as it is, and asked again where it cannot be read.
 */
const isDoubted = (run: string, state: string): boolean => state === 'typeset' && !run.includes(`-${lifeOfMachine()}`)

const addNote = (report: ReportRow, note: string): string => JSON.stringify([...(JSON.parse(report.notes) as string[]), note])

const sentWords = ({ way, file, to, cc }: MailRow): string =>
  way === 'files' ? `The mail lies in ${file}` : `Mailed to ${[...to, ...cc].join(', ')}`
