/** The Chinese edition: what the model fills in, and how it becomes a paper. */
import { z } from 'zod'
import { textOf } from './clean-text.ts'
import type { Section } from './paper.ts'
import { Remark, Story, toItem } from './story.ts'

export const ChineseContent = z
  .object({
    markets: z
      .object({ summary: textOf(600, '今日A股与港股的整体走势'), points: z.array(Remark).min(1).max(5) })
      .describe('A股与港股市场分析'),
    outlook: z.object({ risks: z.array(Remark).min(1).max(4), chances: z.array(Remark).min(1).max(4) }).describe('风险与机会'),
    inspiration: z
      .object({ quote: textOf(240, '一句话'), author: textOf(80, '出处'), thought: textOf(400, '它今天对我们说了什么') })
      .describe('每日一励'),
    frontier: z.array(Story).min(1).max(4).describe('科技前沿：研究与突破'),
    concept: z
      .object({ name: textOf(60, '概念名称'), explanation: textOf(600, '通俗的解释'), example: textOf(420, '一个例子') })
      .describe('一个金融概念'),
    health: z.object({ tip: textOf(240, '一条建议'), reason: textOf(420, '为什么') }).describe('健康贴士'),
    headlines: z.array(Story).min(2).max(6).describe('科技要闻'),
    politics: z.array(Story).min(2).max(6).describe('时政与经济'),
  })
  .describe('今日的中文日报，全部用简体中文书写')
export type ChineseContent = z.output<typeof ChineseContent>

/** The eight sections, in the order in which the predecessor's readers know them. */
export const chineseSections = (content: ChineseContent): Section[] => {
  const { markets, outlook, inspiration, frontier, concept, health, headlines, politics } = content
  const remarks = (list: readonly Remark[]) => list.map((remark) => toItem(remark))
  return [
    {
      heading: 'A股与港股',
      blocks: [
        { kind: 'paragraph', text: markets.summary },
        { kind: 'items', numbered: false, tone: 'plain', items: remarks(markets.points) },
      ],
    },
    {
      heading: '风险与机会',
      blocks: [
        { kind: 'label', text: '风险', tone: 'risk' },
        { kind: 'items', numbered: false, tone: 'risk', items: remarks(outlook.risks) },
        { kind: 'label', text: '机会', tone: 'chance' },
        { kind: 'items', numbered: false, tone: 'chance', items: remarks(outlook.chances) },
      ],
    },
    {
      heading: '每日一励',
      blocks: [
        { kind: 'quote', text: inspiration.quote, by: inspiration.author },
        { kind: 'paragraph', text: inspiration.thought },
      ],
    },
    { heading: '科技前沿', blocks: [{ kind: 'items', numbered: false, tone: 'plain', items: remarks(frontier) }] },
    {
      heading: '金融概念',
      blocks: [
        { kind: 'label', text: concept.name, tone: 'plain' },
        { kind: 'paragraph', text: concept.explanation },
        { kind: 'paragraph', text: concept.example },
      ],
    },
    {
      heading: '健康贴士',
      blocks: [
        {
          kind: 'items',
          numbered: false,
          tone: 'chance',
          items: [{ lead: health.tip, text: health.reason, sub: null, link: null }],
        },
      ],
    },
    { heading: '科技要闻', blocks: [{ kind: 'items', numbered: true, tone: 'plain', items: remarks(headlines) }] },
    { heading: '时政与经济', blocks: [{ kind: 'items', numbered: true, tone: 'plain', items: remarks(politics) }] },
  ]
}
