/** A row of numbers that say most, each with what belongs to it. */
import { css, html } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import { PanelElement } from '../../element.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'

export interface Tile {
  readonly title: string
  readonly value: string
  readonly more: string
  /** Where more is told of it. */
  readonly link: string
}

@customElement('stat-tiles')
export class StatTiles extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      ul {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(min(150px, 45%), 1fr));
        gap: 12px;
      }
      a {
        display: grid;
        gap: 1px;
        height: 100%;
        padding: 12px 16px;
        color: var(--text);
      }
      a:hover {
        border-color: var(--line-strong);
        text-decoration: none;
      }
      b {
        font-size: 24px;
        line-height: 1.25;
        font-weight: 640;
        letter-spacing: -0.02em;
        font-variant-numeric: tabular-nums;
      }
    `,
  ]

  @property({ attribute: false }) tiles: readonly Tile[] = []

  override render() {
    return html`<ul>
      ${this.tiles.map(
        ({ title, value, more, link }) => html`<li>
          <a class="card" href=${link}><span class="muted small">${title}</span><b>${value}</b><span class="muted small">${more}</span></a>
        </li>`,
      )}
    </ul>`
  }
}
