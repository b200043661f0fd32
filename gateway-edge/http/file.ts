/** A file as an answer: bytes of a method with the shape `file`. */
import type { Headers } from '../server/server.ts'

/** What such a method answers. */
export interface FileOutput {
  readonly content_type: string
  /** As a browser shall name it when it keeps it. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** A name as a quoted string (RFC 9110); what cannot stand in one is left out. */
const quoted = (name: string): string => name.replace(/[^\x20-\x7e]|["\\]/g, '')

/**
 * Shown in the browser, also in a frame of a page of ours; nothing in it is taken for another type. It belongs to whoever asked, and may change when it
 * is made anew.
 */
export const fileHeaders = ({ content_type, name }: FileOutput): Headers => ({
  'content-type': content_type,
  'content-disposition': `inline; filename="${quoted(name)}"`,
  'cache-control': 'private, no-cache',
  'x-content-type-options': 'nosniff',
})
