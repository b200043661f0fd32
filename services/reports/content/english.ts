/** The English edition, with its sections in Chinese: what the model fills in, and how it becomes a paper. */
import { z } from 'zod'
import { Address, textOf } from './clean-text.ts'
import type { Section } from './paper.ts'
import { Remark, Story, toItem } from './story.ts'

const Holding = Remark.omit({ title: true }).extend({
  symbol: textOf(20, 'the ticker, such as NVDA'),
  move: textOf(40, 'how it moved, such as +1.8%; a dash where it is not known'),
  text: textOf(420, '发生了什么、该留意什么（简体中文）'),
})

export const EnglishContent = z
  .object({
    weather: textOf(240, 'one sentence on the weather of the day in the city that was named'),
    opening: z
      .object({
        quote: textOf(280, 'a line worth beginning the day with'),
        author: textOf(80, 'who said it'),
        note: textOf(420, 'a short, warm, personal note to the reader'),
      })
      .describe('Quote and personal note'),
    stocks: z
      .object({ summary: textOf(600, '今日持仓概况（简体中文）'), holdings: z.array(Holding).min(1).max(10) })
      .describe('Stock watch on the holdings that were named, in Chinese'),
    top: z
      .array(Story.extend({ translation: textOf(300, '这条新闻的中文概括') }))
      .length(3)
      .describe('The three most important stories of politics and economics'),
    health: z
      .object({
        dinners: z
          .array(z.object({ name: textOf(80, '菜名'), how: textOf(300, '怎么做') }))
          .min(1)
          .max(3),
        video: z.object({ title: textOf(120, '体态练习视频的标题'), source: textOf(60, '频道'), url: Address }),
        tip: textOf(300, '一条健康建议'),
      })
      .describe('Health, in Chinese: dinner ideas, a posture video, a tip'),
    career: z
      .object({
        concepts: z
          .array(z.object({ name: textOf(80, 'the concept'), text: textOf(500, 'what it is and when it matters') }))
          .length(3),
        tip: textOf(300, '一条职业建议（简体中文）'),
      })
      .describe('Career growth: three concepts of machine learning systems, and a tip in Chinese'),
  })
  .describe("Today's English report")
export type EnglishContent = z.output<typeof EnglishContent>

/** The five sections, in the order in which the predecessor's readers know them. */
export const englishSections = (content: EnglishContent): Section[] => {
  const { opening, stocks, top, health, career } = content
  return [
    {
      heading: 'Good Morning',
      blocks: [
        { kind: 'quote', text: opening.quote, by: opening.author },
        { kind: 'note', text: opening.note },
      ],
    },
    {
      heading: 'Stock Watch',
      blocks: [
        { kind: 'paragraph', text: stocks.summary },
        {
          kind: 'items',
          numbered: false,
          tone: 'plain',
          items: stocks.holdings.map(({ symbol, move, ...rest }) => toItem({ ...rest, title: `${symbol} ${move}` })),
        },
      ],
    },
    {
      heading: 'Top Three',
      blocks: [
        {
          kind: 'items',
          numbered: true,
          tone: 'plain',
          items: top.map(({ translation, ...story }) => toItem(story, translation)),
        },
      ],
    },
    {
      heading: 'Health',
      blocks: [
        { kind: 'label', text: '晚餐灵感', tone: 'plain' },
        {
          kind: 'items',
          numbered: false,
          tone: 'plain',
          items: health.dinners.map(({ name, how }) => ({ lead: name, text: how, sub: null, link: null })),
        },
        { kind: 'label', text: '体态练习', tone: 'plain' },
        {
          kind: 'items',
          numbered: false,
          tone: 'plain',
          items: [
            { lead: null, text: health.video.title, sub: null, link: { label: health.video.source, url: health.video.url } },
          ],
        },
        { kind: 'label', text: '小贴士', tone: 'chance' },
        { kind: 'paragraph', text: health.tip },
      ],
    },
    {
      heading: 'Career Growth',
      blocks: [
        {
          kind: 'items',
          numbered: true,
          tone: 'plain',
          items: career.concepts.map(({ name, text }) => ({ lead: name, text, sub: null, link: null })),
        },
        { kind: 'label', text: '今日建议', tone: 'chance' },
        { kind: 'paragraph', text: career.tip },
      ],
    },
  ]
}
