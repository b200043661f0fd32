/** What the wire needs of a log; a pino logger fits. */
export interface WireLog {
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
  error(fields: object, text: string): void
}

/** For whoever gives no log. */
export const silentLog: WireLog = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
