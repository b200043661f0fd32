/** A real SMTP server that keeps what it takes, and can be told to misbehave. */
import type { AddressInfo } from 'node:net'
import { type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer } from 'smtp-server'
import { atEnd, type Scope } from '../../harness.ts'

export interface Taken {
  readonly from: string
  readonly to: readonly string[]
  readonly raw: Buffer
  readonly mail: ParsedMail
}

export interface MailServer {
  /** For SMTP_URL. */
  readonly url: string
  readonly taken: Taken[]
  /** What is answered to a whole message instead of taking it: a code and words, or `hang up` without a word. */
  refuse: { code: number; message: string } | 'hang up' | null
  /** What is answered to a recipient instead of taking it. */
  refuseRecipient: ((address: string) => { code: number; message: string } | null) | null
}

const withCode = ({ code, message }: { code: number; message: string }): Error =>
  Object.assign(new Error(message), { responseCode: code })

export const openMailServer = async (t: Scope): Promise<MailServer> => {
  const taken: Taken[] = []
  const made: MailServer = { url: '', taken, refuse: null, refuseRecipient: null }
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    // Or it waits for the name service of the machine.
    disableReverseLookup: true,
    onAuth: ({ username, password }, _session, done) =>
      username === 'paper' && password === 's3cret/word'
        ? done(null, { user: username })
        : done(withCode({ code: 535, message: 'no' })),
    onRcptTo: ({ address }, _session, done) => {
      const refusal = made.refuseRecipient?.(address) ?? null
      done(refusal === null ? null : withCode(refusal))
    },
    onData: (stream, session, done) => {
      const parts: Buffer[] = []
      stream.on('data', (part: Buffer) => parts.push(part))
      stream.on('end', () => {
        void (async () => {
          if (made.refuse === 'hang up') {
            const { connections } = server as unknown as { connections: Iterable<{ _socket: { destroy(): void } }> }
            for (const { _socket: socket } of connections) socket.destroy()
            return
          }
          if (made.refuse !== null) return done(withCode(made.refuse))
          const raw = Buffer.concat(parts)
          const { mailFrom, rcptTo } = session.envelope
          const from = mailFrom === false ? '' : (mailFrom?.address ?? '')
          taken.push({ from, to: rcptTo.map(({ address }) => address), raw, mail: await simpleParser(raw) })
          done()
        })()
      })
    },
  })
  // A client that is killed resets its connection.
  server.on('error', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  atEnd(t, () => new Promise<void>((resolve) => server.close(() => resolve())))
  const { port } = server.server.address() as AddressInfo
  return Object.assign(made, { url: `smtp://127.0.0.1:${port}` })
}
