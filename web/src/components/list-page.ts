/** What a page with a list of things shows: its heading, the way to a new one, and the list, or that there is none and what to do. */
import { html, type TemplateResult } from 'lit'
import type { Live } from '../live.ts'
import { go, href } from '../router.ts'
import { type IconName, icon } from './icon.ts'

export interface ListWords {
  readonly title: string
  readonly create: string
  readonly none: string
  readonly noneHelp: string
}

export interface ListPage<T, A extends readonly unknown[]> {
  /** The name of the view, which is that of its icon; a new thing is made at `#/<view>/new`. */
  readonly view: IconName
  readonly text: ListWords
  readonly live: Live<T, A>
  readonly isEmpty: (value: T) => boolean
  readonly list: (value: T) => unknown
  /** What stands below. */
  readonly more?: unknown
}

export const listPage = <T, A extends readonly unknown[]>(page: ListPage<T, A>): TemplateResult => {
  const { view, text, live, isEmpty, list, more } = page
  const create = (): void => go(href(view, ['new']))
  return html`<div class="page">
    <header>
      <h1>${text.title}</h1>
      <button class="primary" @click=${create}>${icon('plus', 16)}${text.create}</button>
    </header>
    <section class="card" aria-label=${text.title}>
      ${live.render({
        empty: (value) =>
          isEmpty(value)
            ? html`<empty-state icon=${view} heading=${text.none}>
                ${text.noneHelp}<button slot="action" class="primary" @click=${create}>${icon('plus', 16)}${text.create}</button>
              </empty-state>`
            : undefined,
        ready: list,
      })}
    </section>
    ${more}
  </div>`
}
