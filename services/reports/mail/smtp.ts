/**
 * Mail by SMTP. A server takes a message when it has read the line with the single dot, so that line is held back until it is
 * on disk that it leaves: whoever dies before has sent nothing, and may send again. Only between that line and the server's
 * answer is it not known (RFC 5321 4.5.3.2.6 calls it unavoidable).
 */
import { Readable } from 'node:stream'
import { parseConnectionUrl } from 'nodemailer/lib/shared'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import { toMessage } from './message.ts'
import type { Handed, Way } from './way.ts'

const CONNECT_MS = 30_000
/** RFC 5321 lets a server think for ten minutes after the dot. */
const SILENCE_MS = 600_000
const PIECE_BYTES = 32_768

interface SmtpError extends Error {
  readonly responseCode?: number
  readonly code?: string
}

/** The message piece by piece; its end only after `beforeEnd`. Nothing is read before somebody pipes it. */
const streamOf = (message: Buffer, beforeEnd: () => void): Readable => {
  let at = 0
  let told = false
  return new Readable({
    highWaterMark: PIECE_BYTES,
    read() {
      if (at < message.length) {
        const piece = message.subarray(at, at + PIECE_BYTES)
        at += piece.length
        this.push(piece)
        return
      }
      if (told) return
      told = true
      try {
        beforeEnd()
        this.push(null)
      } catch (error) {
        this.destroy(error as Error)
      }
    },
  })
}

/** One sentence of an error, without what may be secret in it: nodemailer quotes commands, and AUTH is one. */
const reasonOf = (error: SmtpError, host: string): string => {
  if (error.code === 'EAUTH') return `${host} does not accept the name or the password of SMTP_URL`
  const words = error.message.split('\n')[0] ?? ''
  return `${host} could not take the mail: ${words.slice(0, 300)}`
}

/** Refused for good. A code of 4xx, of a server that makes strangers wait for example, is not. */
const isFinal = ({ responseCode, code = '' }: SmtpError): boolean =>
  responseCode === undefined ? ['EAUTH', 'EENVELOPE', 'EMESSAGE'].includes(code) : responseCode >= 500

/** @param url smtp[s]://user:password@host:port */
export const createSmtp = (url: string): Way => {
  const {
    host = 'localhost',
    auth,
    ...options
  } = parseConnectionUrl(url) as {
    host?: string
    auth?: { user?: string; pass?: string }
  }
  const attempt = (message: Buffer, envelope: { from: string; to: string[] }, onHanding: () => void, signal: AbortSignal) =>
    new Promise<Handed>((resolve) => {
      let handing = false
      const connection = new SMTPConnection({
        ...options,
        host,
        connectionTimeout: CONNECT_MS,
        greetingTimeout: CONNECT_MS,
        socketTimeout: SILENCE_MS,
      })
      const done = (handed: Handed): void => {
        // The first word counts: closing tells of an end, too.
        resolve(handed)
        signal.removeEventListener('abort', leave)
        connection.close()
      }
      const failed = (error: SmtpError): void => {
        const reason = reasonOf(error, host)
        // An answer with a code is a refusal, also of the whole message; without one behind the dot nobody knows.
        if (handing && error.responseCode === undefined) done({ ok: false, known: false, reason })
        else done({ ok: false, known: true, reason, again: !isFinal(error) })
      }
      const leave = (): void => failed(new Error('the service was stopped'))
      const send = (): void => {
        const stream = streamOf(message, () => {
          onHanding()
          handing = true
        })
        connection.send({ ...envelope, size: message.length }, stream, (error, info) => {
          if (error) return failed(error as SmtpError)
          const rejected = info?.rejected ?? []
          done({
            ok: true,
            ...(rejected.length === 0 ? {} : { note: `${host} refused these recipients: ${rejected.join(', ')}` }),
          })
        })
      }
      signal.addEventListener('abort', leave, { once: true })
      connection.once('error', (error: Error) => failed(error as SmtpError))
      // Only heard where nothing else has told of it.
      connection.once('end', () => failed(new Error('the connection was closed')))
      connection.connect((error?: Error) => {
        if (error) return failed(error as SmtpError)
        if (auth?.user === undefined) return send()
        connection.login({ user: auth.user, pass: auth.pass ?? '' }, (refused: Error | null) => {
          if (refused) failed(refused as SmtpError)
          else send()
        })
      })
    })
  return {
    name: 'smtp',
    repeatable: false,
    send: async (mail, attachment, onHanding, signal) => {
      const message = await toMessage(mail, attachment)
      return await attempt(message, { from: mail.sender, to: [...mail.to, ...mail.cc] }, onHanding, signal)
    },
  }
}
