/**
 * `<virtual-list .items=${…} .keyOf .draw>`: a long list of which only what is near the screen exists. Items may have any height and may grow.
 *
 * - **A** What one reads stays where it is: the *anchor*, the first item on the screen, keeps its place when items above it come, grow or
 *   turn out to be of another height than was guessed. All is set right before the browser paints.
 * - **B** Who is at the bottom stays there while the list grows; who has scrolled up is left alone.
 * - **C** Items are measured when they exist; of others the height is the mean of those that were measured when the items last changed.
 *   So the room above and below follows from what has moved or was measured since, and is not added up anew at each step.
 */
import { css, html, type PropertyValues } from 'lit'
import { customElement, property, query, state } from 'lit/decorators.js'
import { repeat } from 'lit/directives/repeat.js'
import { PanelElement } from '../element.ts'
import { base } from '../style/base.ts'

/** So many pixels above and below the screen exist, too. */
const BEYOND_PX = 900
/** Nearer than this to the end counts as being there. */
const NEAR_PX = 48
/** A flick of a finger goes on scrolling for about so long. */
const TOUCH_MS = 3_000
/** Of an item before any was measured. */
const GUESS_PX = 96

/** Told when one comes near the first item. */
export class NearTopEvent extends Event {
  constructor() {
    super('near-top')
  }
}

/** Told when one arrives at the bottom, or leaves it. */
export class BottomEvent extends Event {
  readonly atBottom: boolean

  constructor(atBottom: boolean) {
    super('bottom-change')
    this.atBottom = atBottom
  }
}

interface Anchor {
  readonly key: string
  /** From the top of the screen to the top of the item. */
  readonly offset: number
}

@customElement('virtual-list')
export class VirtualList<T> extends PanelElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
        height: 100%;
        min-height: 0;
      }
      #scroller {
        height: 100%;
        overflow-y: auto;
        position: relative;
        overflow-anchor: none;
        overscroll-behavior: contain;
        scrollbar-gutter: stable;
      }
      .space {
        contain: strict;
      }
    `,
  ]

  @property({ attribute: false }) items: readonly T[] = []
  @property({ attribute: false }) keyOf: (item: T) => string = String
  @property({ attribute: false }) draw: (item: T, index: number) => unknown = () => undefined
  @property() label = ''
  /** The part of the items that exists: from the first to before the last. */
  @state() private first = 0
  @state() private last = 0
  @query('#scroller') private readonly scroller!: HTMLElement
  @query('#above') private readonly above!: HTMLElement
  @query('#below') private readonly below!: HTMLElement
  readonly #heights = new Map<string, number>()
  /** C: of an item that was not measured; of all items; of those before the first that exists, and which that was. */
  #guess = GUESS_PX
  #total = 0
  #room = 0
  #roomTo = 0
  #anchor: Anchor | undefined
  #atBottom = true
  /** A place that was asked for, until it is reached. */
  #wanted: string | undefined
  #sizes: ResizeObserver | undefined
  #watched: ReadonlySet<Element> = new Set()
  /** When a person last did something here that scrolls. */
  #touched_at = Number.NEGATIVE_INFINITY
  /** Where it was scrolled to the last time. */
  #top = 0

  get atBottom(): boolean {
    return this.#atBottom
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.#sizes = new ResizeObserver(() => this.#settle())
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#sizes?.disconnect()
    this.#watched = new Set()
  }

  /** Goes to the newest item, and stays there (B). */
  toBottom(): void {
    this.#wanted = undefined
    this.#atBottom = true
    this.requestUpdate()
  }

  /** Brings an item to the middle of the screen. */
  toItem(key: string): void {
    this.#wanted = key
    if (this.#atBottom) this.dispatchEvent(new BottomEvent(false))
    this.#atBottom = false
    this.requestUpdate()
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('items')) this.#addUp()
    if (!this.hasUpdated) {
      this.last = this.items.length
      this.first = Math.max(0, this.last - 12)
      return
    }
    if (changed.has('items')) this.#hold()
    this.#chooseWindow()
  }

  override render() {
    return html`<div id="scroller" tabindex="0" role="log" aria-live="off" aria-label=${this.label} @scroll=${this.#onScroll}
      @wheel=${this.#release} @touchmove=${this.#release} @pointerdown=${this.#release} @keydown=${this.#release}
      @focusin=${this.#release}>
      <div id="above" class="space"></div>
      <div id="items">
        ${repeat(
          this.items.slice(this.first, this.last),
          (item) => this.keyOf(item),
          (item, index) => html`<div data-key=${this.keyOf(item)}>${this.draw(item, this.first + index)}</div>`,
        )}
      </div>
      <div id="below" class="space"></div>
    </div>`
  }

  protected override updated(): void {
    this.#watch()
    this.#settle()
    this.#tellNearTop()
  }

  #heightOf(item: T): number {
    return this.#heights.get(this.keyOf(item)) ?? this.#guess
  }

  #addUp(): void {
    let sum = 0
    for (const height of this.#heights.values()) sum += height
    if (this.#heights.size > 0) this.#guess = sum / this.#heights.size
    this.#total = this.#sum(0, this.items.length)
    this.#room = 0
    this.#roomTo = 0
  }

  /** The height of all before the first item that exists. */
  #roomAbove(): number {
    if (this.first >= this.#roomTo) this.#room += this.#sum(this.#roomTo, this.first)
    else this.#room -= this.#sum(this.first, this.#roomTo)
    this.#roomTo = this.first
    if (this.first === 0) this.#room = 0
    return this.#room
  }

  #sum(from: number, to: number): number {
    let sum = 0
    for (let index = from; index < to; index += 1) sum += this.#heightOf(this.items[index] as T)
    return sum
  }

  #rows(): HTMLElement[] {
    return [...this.renderRoot.querySelectorAll<HTMLElement>('#items > div')]
  }

  /** Remembers what is the first on the screen, and where (A). */
  #hold(): void {
    const { scrollTop } = this.scroller
    const row = this.#rows().find((one) => one.offsetTop + one.offsetHeight > scrollTop)
    this.#anchor = row === undefined ? undefined : { key: row.dataset.key ?? '', offset: row.offsetTop - scrollTop }
  }

  #indexOf(key: string): number {
    return this.items.findIndex((item) => this.keyOf(item) === key)
  }

  /** Which items are to exist. */
  #chooseWindow(): void {
    const { length } = this.items
    const screen = this.scroller.clientHeight
    if (this.#atBottom) {
      this.last = length
      let height = 0
      let first = length
      while (first > 0 && height < screen + BEYOND_PX) {
        first -= 1
        height += this.#heightOf(this.items[first] as T)
      }
      this.first = first
      return
    }
    const wanted = this.#wanted === undefined ? -1 : this.#indexOf(this.#wanted)
    const held = this.#anchor === undefined ? -1 : this.#indexOf(this.#anchor.key)
    // Where the anchor will be is known; what the screen shows now, before it is set right, may be something else.
    const middle = wanted >= 0 ? wanted : held
    let top = wanted >= 0 ? screen / 2 : (this.#anchor?.offset ?? 0)
    let first = middle < 0 ? this.#indexAt(this.scroller.scrollTop) : middle
    const start = first
    if (middle < 0) top = 0
    while (first > 0 && top > -BEYOND_PX) {
      first -= 1
      top -= this.#heightOf(this.items[first] as T)
    }
    let last = start
    let bottom = wanted >= 0 ? screen / 2 : middle < 0 ? 0 : (this.#anchor?.offset ?? 0)
    while (last < length && bottom < screen + BEYOND_PX) {
      bottom += this.#heightOf(this.items[last] as T)
      last += 1
    }
    this.first = first
    this.last = last
  }

  #indexAt(offset: number): number {
    let sum = 0
    for (let index = 0; index < this.items.length; index += 1) {
      sum += this.#heightOf(this.items[index] as T)
      if (sum > offset) return index
    }
    return Math.max(0, this.items.length - 1)
  }

  /** What grows later, such as a picture or a text that is being written, is set right when it does. */
  #watch(): void {
    const rows = new Set<Element>([this.scroller, ...this.#rows()])
    for (const row of this.#watched) if (!rows.has(row)) this.#sizes?.unobserve(row)
    for (const row of rows) if (!this.#watched.has(row)) this.#sizes?.observe(row)
    this.#watched = rows
  }

  /** Measures, gives the rest its room, and puts the anchor back (A, B). */
  #settle(): void {
    // First by the heights with which it was added up.
    const above = this.#roomAbove()
    for (const row of this.#rows()) {
      const key = row.dataset.key ?? ''
      const height = row.offsetHeight
      // What is in it has not been drawn yet; when it is, this is called again.
      if (height === 0) continue
      this.#total += height - (this.#heights.get(key) ?? this.#guess)
      this.#heights.set(key, height)
    }
    this.above.style.height = `${above}px`
    this.below.style.height = `${Math.max(0, this.#total - above - this.#sum(this.first, this.last))}px`
    this.#place()
  }

  #place(): void {
    const { scroller } = this
    if (this.#wanted !== undefined) {
      const row = this.#rows().find((one) => one.dataset.key === this.#wanted)
      if (row !== undefined) {
        scroller.scrollTop = row.offsetTop - Math.max(0, (scroller.clientHeight - row.offsetHeight) / 2)
        this.#hold()
      }
      return
    }
    if (this.#atBottom) {
      scroller.scrollTop = scroller.scrollHeight
      this.#top = scroller.scrollTop
    } else if (this.#anchor !== undefined) {
      const { key, offset } = this.#anchor
      const row = this.#rows().find((one) => one.dataset.key === key)
      if (row !== undefined && Math.abs(row.offsetTop - offset - scroller.scrollTop) > 1)
        scroller.scrollTop = row.offsetTop - offset
    }
  }

  #onScroll = (): void => {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller
    const isNear = scrollHeight - scrollTop - clientHeight < NEAR_PX && this.last === this.items.length
    // Away from the bottom leads only a person: what has just grown or shrunk there is nobody's wish.
    const isUpwards = scrollTop < this.#top && performance.now() - this.#touched_at < TOUCH_MS
    const atBottom = isNear || (this.#atBottom && !isUpwards)
    this.#top = scrollTop
    if (atBottom !== this.#atBottom && this.#wanted === undefined) {
      this.#atBottom = atBottom
      this.dispatchEvent(new BottomEvent(atBottom))
    }
    this.#hold()
    const [top, bottom] = [this.above.offsetHeight, this.scroller.scrollHeight - this.below.offsetHeight]
    if (
      (scrollTop < top + BEYOND_PX / 3 && this.first > 0) ||
      (scrollTop + clientHeight > bottom - BEYOND_PX / 3 && this.last < this.items.length)
    ) {
      // Beyond what exists: the anchor is none, and the place says what is to exist.
      if (scrollTop + clientHeight < top || scrollTop > bottom) this.#anchor = undefined
      this.requestUpdate()
    }
    this.#tellNearTop()
  }

  #tellNearTop(): void {
    if (this.first === 0 && this.scroller.scrollTop < this.scroller.clientHeight) this.dispatchEvent(new NearTopEvent())
  }

  /** A person who scrolls has other wishes than those from before. */
  #release = (): void => {
    this.#wanted = undefined
    this.#touched_at = performance.now()
  }
}
