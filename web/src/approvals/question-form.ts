/** `<question-form .questions=${…} @answers=${…}>`: questions of the tool AskUserQuestion, each with its options or words of one's own. */
import { css, html, nothing } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import type { Question } from '../../../protocol/approvals.ts'
import { PanelElement } from '../element.ts'
import { base } from '../style/base.ts'
import { blocks } from '../style/blocks.ts'
import { revealed } from '../text/revealed.ts'
import { approvalWords } from './words.ts'

/** By the text of each question what was chosen; undefined until all have an answer. */
export class AnswersEvent extends Event {
  readonly answers: Readonly<Record<string, string>> | undefined

  constructor(answers: AnswersEvent['answers']) {
    super('answers')
    this.answers = answers
  }
}

interface Choice {
  readonly labels: readonly string[]
  readonly own: string
}

const NONE: Choice = { labels: [], own: '' }
const OWN_CHARS = 1_000

@customElement('question-form')
export class QuestionForm extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      :host {
        display: grid;
        gap: 14px;
      }
      fieldset {
        display: grid;
        gap: 6px;
        min-width: 0;
        margin: 0;
        padding: 0;
        border: 0;
      }
      legend {
        padding: 0 0 6px;
        font-weight: 570;
        overflow-wrap: anywhere;
      }
      label.option {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        gap: 1px 10px;
        align-items: center;
        padding: 8px 12px;
        border: 1px solid var(--line);
        border-radius: var(--radius-small);
        cursor: pointer;
        overflow-wrap: anywhere;
      }
      label.option:hover {
        background: var(--hover);
      }
      label.option:has(:checked) {
        border-color: var(--accent);
        background: var(--accent-soft);
      }
      .option .muted {
        grid-column: 2;
      }
    `,
  ]

  @property({ attribute: false }) questions: readonly Question[] = []
  #choices: readonly Choice[] = []

  override render() {
    return this.questions.map((question, index) => this.#question(question, index))
  }

  #question({ question, header, options, multi_select }: Question, index: number): unknown {
    const text = approvalWords()
    const { labels, own } = this.#choices[index] ?? NONE
    return html`<fieldset>
      <legend>
        ${header === '' ? nothing : html`<span class="muted small">${revealed(header)}</span><br />`}${revealed(question)}
        ${multi_select ? html`<span class="muted small">(${text.several})</span>` : nothing}
      </legend>
      ${options.map(
        ({ label, description }) => html`<label class="option">
          <input
            type=${multi_select ? 'checkbox' : 'radio'}
            name="question-${index}"
            .checked=${labels.includes(label)}
            @change=${() => this.#choose(index, label)}
          />
          <span>${revealed(label)}</span>
          ${description === '' ? nothing : html`<span class="muted small">${revealed(description)}</span>`}
        </label>`,
      )}
      <input
        type="text"
        maxlength=${OWN_CHARS}
        aria-label="${text.other}: ${question}"
        placeholder=${text.other}
        .value=${own}
        @input=${(event: Event) => this.#write(index, (event.target as HTMLInputElement).value)}
      />
    </fieldset>`
  }

  #choose(index: number, label: string): void {
    const { labels, own } = this.#choices[index] ?? NONE
    if (this.questions[index]?.multi_select !== true) return this.#set(index, { labels: [label], own: '' })
    this.#set(index, { labels: labels.includes(label) ? labels.filter((one) => one !== label) : [...labels, label], own })
  }

  #write(index: number, own: string): void {
    const { labels } = this.#choices[index] ?? NONE
    // Of one answer there is one: words of one's own take the place of the option.
    this.#set(index, { labels: this.questions[index]?.multi_select === true || own === '' ? labels : [], own })
  }

  #set(index: number, choice: Choice): void {
    this.#choices = this.questions.map((_, at) => (at === index ? choice : (this.#choices[at] ?? NONE)))
    const answers = this.questions.map(({ question }, at): [string, string] => {
      const { labels, own } = this.#choices[at] ?? NONE
      return [question, [...labels, own.trim()].filter((one) => one !== '').join(', ')]
    })
    const isComplete = answers.every(([, answer]) => answer !== '')
    this.dispatchEvent(new AnswersEvent(isComplete ? Object.fromEntries(answers) : undefined))
    this.requestUpdate()
  }
}
