/** A server and a link to it, in one process, in a folder of their own. */

import { createClient } from '../../protocol/client.ts'
import type { ServiceName } from '../../protocol/contract.ts'
import type { AnyHandlers } from '../../protocol/wire/admission.ts'
import { openLink, type WireLink } from '../../protocol/wire/link.ts'
import type { WireLog } from '../../protocol/wire/log.ts'
import { openServer, type WireServer } from '../../protocol/wire/server.ts'
import { atEnd, type Scope, tempDir } from '../harness.ts'

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly fields: Record<string, unknown>
  readonly text: string
}

/** A log that keeps its lines. */
export const recordingLog = (): WireLog & { readonly lines: LogLine[] } => {
  const lines: LogLine[] = []
  const at = (level: LogLine['level']) => (fields: object, text: string) =>
    void lines.push({ level, fields: { ...fields }, text })
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

export const openPair = async <N extends ServiceName>(t: Scope, service: N, handlers: AnyHandlers) => {
  const run_dir = tempDir(t)
  const serverLog = recordingLog()
  const linkLog = recordingLog()
  const server: WireServer = await openServer({ run_dir, service, instance: 'first', handlers, log: serverLog })
  atEnd(t, () => server.close())
  const link: WireLink = openLink({ run_dir, service, log: linkLog })
  atEnd(t, () => link.close())
  return { run_dir, server, link, client: createClient(service, link.call), serverLog, linkLog }
}
