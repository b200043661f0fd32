/**
 * The example that stands in where no Claude is installed: the whole path can be seen, to the mail, without an account.
 * Nothing of it is news, and the banner of the paper says so.
 */
import type { ReportLang } from '../../../protocol/reports.ts'
import type { ChineseContent } from './chinese.ts'
import type { Content } from './content.ts'
import type { EnglishContent } from './english.ts'
import type { Story } from './story.ts'

const PAGE = 'https://example.org/'

const story = (title: string, text: string): Story => ({ title, text, source: 'example.org', url: PAGE })

const CHINESE: ChineseContent = {
  markets: {
    summary: '这里会写上证指数、深证成指、创业板指与恒生指数当天的涨跌、成交额，以及推动市场的主要原因。',
    points: [
      { title: '大盘', text: '一到三句话：指数如何变化，资金流向哪里，市场情绪如何。', source: null, url: null },
      { title: '板块', text: '当天最强与最弱的行业，以及背后的消息。', source: 'example.org', url: PAGE },
    ],
  },
  outlook: {
    risks: [
      { title: '需要警惕的', text: '例如政策变化、汇率波动或海外市场的冲击，并附上来源。', source: 'example.org', url: PAGE },
    ],
    chances: [
      { title: '值得关注的', text: '例如估值偏低的行业或即将公布的数据，并附上来源。', source: 'example.org', url: PAGE },
    ],
  },
  inspiration: { quote: '千里之行，始于足下。', author: '《道德经》', thought: '把今天的第一步迈好，剩下的路会自己展开。' },
  frontier: [story('研究进展', '每条新闻都带有标题、两三句话的说明与原文链接，点击即可打开。')],
  concept: {
    name: '复利',
    explanation: '收益会再产生收益。时间越长，差别越大：年化 7% 的投资约十年翻一番。',
    example: '每月存入 1,000 元、年化 6%，三十年后约为一百万元，其中本金只有三十六万元。',
  },
  health: { tip: '每坐五十分钟，站起来走五分钟。', reason: '短暂的活动能改善血液循环，也让下一段专注更容易开始。' },
  headlines: [story('科技要闻一', '此处为当天最重要的科技新闻。'), story('科技要闻二', '按重要程度排列，通常三到六条。')],
  politics: [story('时政要闻一', '此处为当天的时政与宏观经济新闻。'), story('时政要闻二', '同样附有来源，方便核对。')],
}

const ENGLISH: EnglishContent = {
  weather: 'The weather of your city stands here, in one sentence.',
  opening: {
    quote: 'The journey of a thousand miles begins beneath one’s feet.',
    author: 'Laozi',
    note: 'A short, personal word to you stands here every morning. Today it says: this is how your paper will look.',
  },
  stocks: {
    summary: '这里是持仓的整体情况：当天的涨跌、原因，以及接下来需要留意的日期。',
    holdings: [
      {
        symbol: 'AAPL',
        move: '+0.0%',
        text: '每只持仓一到三句话，附上来源。用 REPORT_HOLDINGS 写上自己的持仓。',
        source: 'example.org',
        url: PAGE,
      },
      { symbol: 'NVDA', move: '+0.0%', text: '没有可靠消息时，会直接说明没有消息。', source: null, url: null },
    ],
  },
  top: [
    {
      ...story('The first story', 'What happened and why it matters, in one to three sentences.'),
      translation: '第一条新闻的中文概括。',
    },
    { ...story('The second story', 'Every story has a source that you can open.'), translation: '第二条新闻的中文概括。' },
    { ...story('The third story', 'Three are enough for a morning.'), translation: '第三条新闻的中文概括。' },
  ],
  health: {
    dinners: [
      { name: '番茄炒蛋', how: '番茄先炒出汁，再放入嫩滑的鸡蛋，十分钟上桌。' },
      { name: '清蒸鲈鱼', how: '水开后蒸八分钟，淋上热油与蒸鱼豉油。' },
    ],
    video: { title: '五分钟肩颈放松', source: 'example.org', url: PAGE },
    tip: '睡前一小时放下屏幕，第二天的精神会更好。',
  },
  career: {
    concepts: [
      {
        name: 'Continuous batching',
        text: 'Requests join and leave a running batch at every step, so that a long answer does not hold up short ones.',
      },
      {
        name: 'KV cache paging',
        text: 'Attention state is kept in fixed blocks, as memory is in pages, so that little of it is wasted.',
      },
      {
        name: 'Speculative decoding',
        text: 'A small model proposes several tokens, and the large one checks them in a single pass.',
      },
    ],
    tip: '每周写下一件学到的事，三个月后回头看，会发现自己走了很远。',
  },
}

export const exampleOf = (lang: ReportLang): Content => (lang === 'cn' ? CHINESE : ENGLISH)
