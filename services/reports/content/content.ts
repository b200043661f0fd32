/** What the model fills in, by edition; and the one way from there to a paper. */
import { z } from 'zod'
import type { ReportLang } from '../../../protocol/reports.ts'
import { datelineOf } from '../day.ts'
import { ChineseContent, chineseSections } from './chinese.ts'
import { EnglishContent, englishSections } from './english.ts'
import type { Paper } from './paper.ts'

const CONTENTS = { cn: ChineseContent, en: EnglishContent } as const

export type Content = ChineseContent | EnglishContent

/** The JSON Schema that the CLI makes the model fill in. */
export const schemaOf = (lang: ReportLang): object => {
  const { $schema: _, ...schema } = z.toJSONSchema(CONTENTS[lang], { io: 'input' })
  return schema
}

/** What the model gave: the content, or what is wrong with it, in words that it can act upon. */
export type Checked = { readonly content: Content } | { readonly complaint: string }

const COMPLAINTS = 20

/** Judges what the model gave. Texts are cleaned on the way. */
export const checkContent = (lang: ReportLang, given: unknown): Checked => {
  const parsed = CONTENTS[lang].safeParse(given)
  if (parsed.success) return { content: parsed.data }
  const lines = parsed.error.issues
    .slice(0, COMPLAINTS)
    .map(({ path, message }) => `- ${path.join('.') || 'the whole'}: ${message}`)
  return { complaint: lines.join('\n') }
}

/** What is said of a paper beside its content. */
export interface PaperFacts {
  readonly lang: ReportLang
  /** YYYY-MM-DD */
  readonly date: string
  readonly preview: boolean
  readonly example: boolean
}

const TITLES: Readonly<Record<ReportLang, string>> = { cn: '每日智能报告', en: 'The Morning Paper' }

const BANNERS = {
  cn: { example: '示例：没有使用 Claude，以下内容不是新闻。安装并登录 Claude Code 后即可生成真实的日报。', preview: '预览' },
  en: {
    example: 'Example: no Claude was asked, and nothing below is news. Install Claude Code and log in to get a real paper.',
    preview: 'Preview',
  },
} as const

const COLOPHONS: Readonly<Record<ReportLang, string>> = {
  cn: '由 Claude 搜集并撰写，Switchboard 排版。内容仅供参考，不构成投资建议。',
  en: 'Gathered and written by Claude, set by Switchboard. Check what matters to you; none of it is financial advice.',
}

/** Makes the paper from its content. */
export const toPaper = (content: Content, { lang, date, preview, example }: PaperFacts): Paper => ({
  title: TITLES[lang],
  dateline: datelineOf(lang, date),
  aside: lang === 'cn' ? '晨间版' : (content as EnglishContent).weather,
  banner: example ? BANNERS[lang].example : preview ? BANNERS[lang].preview : null,
  sections: lang === 'cn' ? chineseSections(content as ChineseContent) : englishSections(content as EnglishContent),
  colophon: COLOPHONS[lang],
})
