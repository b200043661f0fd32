/**
 * The script for Mail.app, run in a sandbox that imitates macOS's automation: what it does with Mail's objects, and what it says when Mail
 * fails at each of them.
 */
import assert from 'node:assert/strict'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import vm from 'node:vm'
import { createMailApp, toHanded } from '../../services/reports/mail/mail-app.ts'
import type { MailRow } from '../../services/reports/rows.ts'
import { packageRoot } from '../../services/runtime/package-root.ts'
import { checkLeaks, tempDir } from '../harness.ts'

checkLeaks()

const SCRIPT = join(packageRoot(import.meta.url), 'reports/send-mail.js')

interface Person {
  readonly kind: 'to' | 'cc'
  readonly address: string
}

/** A list of Mail's: called it gives its members, and things are pushed onto it. */
const listOf = <T>(members: T[], onPush: (member: T) => void = (member) => void members.push(member)) => {
  const list = Object.assign(() => members.slice(), { push: onPush })
  return Object.defineProperty(list, 'length', { get: () => members.length })
}

const messageOf = (fields: Record<string, unknown>, fail: string) => {
  const people: Record<'to' | 'cc' | 'bcc', Person[]> = { to: [], cc: [], bcc: [] }
  const files: string[] = []
  const message = {
    ...fields,
    people,
    files,
    isSent: false,
    toRecipients: listOf(people.to),
    ccRecipients: listOf(people.cc),
    bccRecipients: listOf(people.bcc),
    attachments: listOf(files, (file) => {
      if (fail === 'attach') throw new Error('no such file')
      if (fail !== 'lose attachment') files.push(file)
    }),
    send() {
      if (fail === 'send') throw new Error('Connection is invalid')
      message.isSent = fail !== 'refuse'
      return message.isSent
    },
  }
  return message
}

type Message = ReturnType<typeof messageOf>

interface Sandbox {
  readonly order: object
  /** Messages of the sent mailbox. */
  readonly sent?: { readonly subject: string; readonly at: number }[]
  readonly fail?: string
}

const runScript = ({ order, sent = [], fail = '' }: Sandbox) => {
  const made: Message[] = []
  const replied: string[] = []
  const waited: number[] = []
  const newMessage = (fields: Record<string, unknown>): Message => messageOf(fields, fail)
  const mail = {
    OutgoingMessage: newMessage,
    outgoingMessages: { push: (message: Message) => void made.push(message) },
    ToRecipient: ({ address }: { address: string }): Person => ({ kind: 'to', address }),
    CcRecipient: ({ address }: { address: string }): Person => ({ kind: 'cc', address }),
    Attachment: ({ fileName }: { fileName: string }) => fileName,
    sentMailbox: {
      messages: {
        whose:
          ({ subject }: { subject: { _contains: string } }) =>
          () => {
            if (fail === 'search') throw new Error('the mailbox cannot be searched')
            return sent
              .filter((one) => one.subject.includes(subject._contains))
              .map((one) => ({ subject: () => one.subject, dateSent: () => new Date(one.at) }))
          },
      },
    },
    reply: (original: { subject: () => string; dateSent: () => Date }) => {
      replied.push(`${original.subject()} ${original.dateSent().getTime()}`)
      const message = newMessage({ subject: `Re: ${original.subject()}` })
      // As Mail does: the answer goes to whom it takes for the other side.
      message.toRecipients.push({ kind: 'to', address: 'somebody@else.example' })
      made.push(message)
      return message
    },
    delete: (person: Person) => {
      const [message] = made
      const list = message?.people[person.kind] ?? []
      list.splice(list.indexOf(person), 1)
    },
  }
  const context = vm.createContext({
    Application: (name: string) => {
      assert.equal(name, 'Mail')
      if (fail === 'not allowed') throw new Error('Not authorized to send Apple events to Mail.')
      return mail
    },
    ObjC: { import: () => undefined, unwrap: (text: unknown) => text },
    $: Object.assign((file: string) => file, {
      NSUTF8StringEncoding: 4,
      NSString: {
        stringWithContentsOfFileEncodingError: () => (fail === 'no order' ? undefined : JSON.stringify(order)),
      },
    }),
    Path: (file: string) => `path of ${file}`,
    delay: (seconds: number) => void waited.push(seconds),
  })
  const answer = vm.runInContext(`${readFileSync(SCRIPT, 'utf8')}\nrun(['/tmp/order.json'])`, context, {
    filename: SCRIPT,
  }) as string
  return { answer: JSON.parse(answer) as object, handed: toHanded(answer), message: made[0], made, replied, waited }
}

const ORDER = {
  sender: 'paper@example.org',
  to: ['a@example.org', 'b@example.org'],
  cc: ['owner@example.org'],
  subject: 'The Morning Paper - November 23, 2026',
  body: '早上好 "quoted" \\ end',
  attachment: '/reports/daily_en_2026-11-23.pdf',
  reply_to_subject: null as string | null,
}

test('send-mail - composes a message with its readers, its sender and the attachment, and sends it once', () => {
  const { answer, handed, message, made, waited } = runScript({ order: ORDER })
  assert.deepEqual(answer, { sent: true })
  assert.deepEqual(handed, { ok: true })
  assert.equal(made.length, 1)
  assert.deepEqual(message?.people, {
    to: ORDER.to.map((address) => ({ kind: 'to', address })),
    cc: [{ kind: 'cc', address: 'owner@example.org' }],
    bcc: [],
  })
  const { subject, content, visible, sender } = message as unknown as Record<string, unknown>
  assert.deepEqual([subject, content, visible, sender], [ORDER.subject, ORDER.body, false, ORDER.sender])
  assert.deepEqual([message?.files, message?.isSent], [[`path of ${ORDER.attachment}`], true])
  assert.ok((waited[0] ?? 0) >= 1, 'Mail reads the attachment in the background')
})

test('send-mail - answers the newest message of the thread, to our readers and nobody else', () => {
  const sent = [
    { subject: 'The Morning Paper - November 23, 2026', at: 1_000 },
    { subject: 'Re: The Morning Paper - November 23, 2026', at: 3_000 },
    { subject: 'Re: The Morning Paper - November 23, 2026', at: 2_000 },
    { subject: 'Something else', at: 9_000 },
  ]
  const order = { ...ORDER, reply_to_subject: 'The Morning Paper - November 23, 2026' }
  const { handed, message, replied } = runScript({ order, sent })
  assert.deepEqual(handed, { ok: true })
  assert.deepEqual(replied, ['Re: The Morning Paper - November 23, 2026 3000'])
  assert.deepEqual(
    message?.people.to.map(({ address }) => address),
    ORDER.to,
  )
  assert.equal((message as unknown as { content: string }).content, ORDER.body)
})

test('send-mail - begins anew where the thread is not found or the mailbox cannot be searched', () => {
  const order = { ...ORDER, reply_to_subject: 'gone' }
  for (const fail of ['', 'search']) {
    const { handed, replied, message } = runScript({ order, fail })
    assert.deepEqual([handed, replied.length, message?.isSent], [{ ok: true }, 0, true])
  }
})

test('send-mail - before it is sent a failure is certain, and may be tried again', () => {
  for (const [fail, words] of [
    ['not allowed', /Not authorized/],
    ['no order', /cannot be read/],
    ['attach', /no such file/],
    ['lose attachment', /did not take the attachment/],
    ['refuse', /is an account set up/],
  ] as const) {
    const { handed, message } = runScript({ order: ORDER, fail })
    assert.ok(!handed.ok && handed.known && handed.again, fail)
    assert.match(handed.reason, words)
    assert.notEqual(message?.isSent, true)
  }
})

test('send-mail - a failure of the sending itself leaves it open, and so does silence', () => {
  const { handed } = runScript({ order: ORDER, fail: 'send' })
  assert.deepEqual(handed, { ok: false, known: false, reason: 'Mail.app could not send it: Connection is invalid' })
  for (const silence of ['', 'execution error: -1743', '{"sent":"perhaps"}']) {
    const said = toHanded(silence)
    assert.ok(!said.ok && !said.known)
  }
})

test('mail-app - the order reaches the script as a file, which is gone afterwards; a missing program is certain', async (t) => {
  const folder = tempDir(t)
  const command = join(folder, 'osascript')
  writeFileSync(
    command,
    `#!/bin/sh\ncp "$4" '${folder}/seen'\nprintf '%s\\n' "$1 $2 $3" > '${folder}/arguments'\nprintf '{"sent":true}\\n'\n`,
  )
  chmodSync(command, 0o755)
  const env = { PATH: process.env.PATH ?? '' }
  const mail = {
    mail_id: 7,
    sender: 's@x.org',
    to: ['a@x.org'],
    cc: [],
    subject: '标题',
    body: 'b',
    reply_to: null,
  } as unknown as MailRow
  const handings: string[] = []
  const way = createMailApp({ script: SCRIPT, folder, env, command })
  const signal = new AbortController().signal
  assert.deepEqual(await way.send(mail, null, () => void handings.push('now'), signal), { ok: true })
  assert.deepEqual(handings, ['now'])
  assert.equal(readFileSync(join(folder, 'arguments'), 'utf8').trim(), `-l JavaScript ${SCRIPT}`)
  assert.deepEqual(JSON.parse(readFileSync(join(folder, 'seen'), 'utf8')), {
    ...{ sender: 's@x.org', to: ['a@x.org'], cc: [], subject: '标题', body: 'b', attachment: null, reply_to_subject: null },
  })
  assert.throws(() => readFileSync(join(folder, 'mail-7.json')), { code: 'ENOENT' })
  const missing = await createMailApp({ script: SCRIPT, folder, env, command: join(folder, 'nobody') }).send(
    mail,
    null,
    () => undefined,
    signal,
  )
  assert.ok(!missing.ok && missing.known && !missing.again)
  const cancelled = way.send(mail, null, () => assert.fail('cancelled meanwhile'), signal)
  await assert.rejects(cancelled, /cancelled meanwhile/)
  assert.throws(() => readFileSync(join(folder, 'mail-7.json')), { code: 'ENOENT' }, 'what was said in it does not stay')
})
