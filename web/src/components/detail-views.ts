/** What a page about one thing shows: grey lines, the thing, or that it is gone and the way back to the list. */
import { html, nothing } from 'lit'
import type { LiveViews } from '../live.ts'
import { href } from '../router.ts'
import type { IconName } from './icon.ts'

export interface DetailWords {
  readonly title: string
  readonly gone: string
  readonly goneHelp: string
  readonly back: string
}

/** @param view the list it belongs to, whose icon it has; @param ready shows what is there; what was found is null where it is gone */
export const detailViews = <T>(view: IconName, text: DetailWords, ready: (value: T) => unknown): LiveViews<T | null> => ({
  loading: () => html`<header><h1>${text.title}</h1></header><section class="card"><skeleton-rows></skeleton-rows></section>`,
  empty: (value) =>
    value === null
      ? html`<header><h1>${text.title}</h1></header>
          <section class="card">
            <empty-state icon=${view} heading=${text.gone}>${text.goneHelp}<a slot="action" class="button" href=${href(view)}>${text.back}</a></empty-state>
          </section>`
      : undefined,
  ready: (value) => (value === null ? nothing : ready(value)),
})
