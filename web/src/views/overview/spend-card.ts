/** What was spent by day, what of today's limit is left, and on which chats today's went. */
import '../../components/progress-bar.ts'
import '../../components/time-chart.ts'
import { css, html, nothing } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import type { Output } from '../../connection/methods.ts'
import { PanelElement } from '../../element.ts'
import { dollars } from '../../i18n/format.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { linkTo, placeOfChat } from '../chats/chat-place.ts'
import { overviewWords } from './words.ts'

type Spend = Output<'sessions.spend'>

const CHATS_SHOWN = 3
const DAYS = 14
const DAY_MS = 86_400_000
/** From here on the bar warns. */
const NEAR_LIMIT = 0.8

@customElement('spend-card')
export class SpendCard extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      time-chart {
        --chart-height: 130px;
      }
      .chats {
        display: grid;
        gap: 4px;
        margin-top: 10px;
      }
      .chats li {
        display: flex;
        gap: 12px;
      }
    `,
  ]

  @property({ attribute: false }) spend: Spend | undefined

  override render() {
    const { spend } = this
    if (spend === undefined) return nothing
    const text = overviewWords()
    return html`<section class="card" aria-label=${text.spending}>
      <header><h2>${text.spending}</h2></header>
      <div class="body">${spend.rows.length === 0 ? html`<p class="muted">${text.noSpending}</p>` : this.#chart(spend)}${this.#limit(spend)}</div>
    </section>`
  }

  #chart({ rows }: Spend): unknown {
    const text = overviewWords()
    const costs = new Map<string, number>()
    for (const { day, cost_usd } of rows) costs.set(day, (costs.get(day) ?? 0) + cost_usd)
    // To the day of the newest row, which is that of the machine: the browser's may be another one.
    const newest =
      rows
        .map(({ day }) => day)
        .sort()
        .at(-1) ?? ''
    const noon = Date.parse(`${newest}T12:00:00Z`)
    const moments = Array.from({ length: DAYS }, (_, index) => noon - (DAYS - 1 - index) * DAY_MS)
    const values = moments.map((at) => costs.get(new Date(at).toISOString().slice(0, 10)) ?? 0)
    const chats = rows
      .filter(({ day, cost_usd }) => day === newest && cost_usd > 0)
      .sort((one, other) => other.cost_usd - one.cost_usd)
    return html`<time-chart
        label=${text.spending}
        kind="bars"
        .moments=${moments}
        .span=${[noon - DAYS * DAY_MS, noon + DAY_MS] as const}
        .lines=${[{ title: text.perDay, values }]}
        .format=${dollars}
      ></time-chart>
      ${
        chats.length === 0
          ? nothing
          : html`<ul class="chats small" aria-label=${text.chatsToday}>
              ${chats.slice(0, CHATS_SHOWN).map(
                ({ bot_id, chat_id, cost_usd }) => html`<li>
                  <a class="grow cut" href=${linkTo(placeOfChat(bot_id, chat_id))}>${chat_id}</a><span class="number">${dollars(cost_usd)}</span>
                </li>`,
              )}
            </ul>`
      }`
  }

  #limit({ today_usd, limits: { day_usd } }: Spend): unknown {
    if (day_usd === null || day_usd <= 0) return nothing
    const text = overviewWords()
    const share = today_usd / day_usd
    const tone = share >= 1 ? 'bad' : share >= NEAR_LIMIT ? 'warn' : 'busy'
    return html`<div class="chats">
      <p class="small">${dollars(today_usd)} ${text.ofLimit(dollars(day_usd))}</p>
      <progress-bar label=${text.spent} tone=${tone} .value=${today_usd} .max=${day_usd}></progress-bar>
    </div>`
  }
}
