/** What the sections of both editions are made of. */
import { z } from 'zod'
import { Address, textOf } from './clean-text.ts'
import type { Item } from './paper.ts'

/** Something that was read somewhere. */
export const Story = z.object({
  title: textOf(120, 'the news in one line'),
  text: textOf(420, 'what happened and why it matters, in one to three sentences'),
  source: textOf(60, 'the name of the source, such as Reuters'),
  url: Address,
})
export type Story = z.output<typeof Story>

/** The same where there may be no page to point at. */
export const Remark = z.object({
  title: textOf(120, 'what it is about, in a few words'),
  text: textOf(420, 'one to three sentences'),
  source: textOf(60, 'the name of the source; null without one').nullable(),
  url: Address.nullable(),
})
export type Remark = z.output<typeof Remark>

const hostOf = (url: string): string => new URL(url).hostname.replace(/^www\./, '')

/** A story as a line of a list. */
export const toItem = ({ title, text, source, url }: Remark, sub: string | null = null): Item => ({
  lead: title,
  text,
  sub,
  link: url === null ? null : { label: source ?? hostOf(url), url },
})
