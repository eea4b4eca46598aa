import type { Locator, Queries } from './browser.ts'

/** Which elements a locator means. */
export interface Query {
  /** A selector of candidates. */
  readonly css: string
  /** Source and flags of a regular expression for their name or text. */
  readonly text?: readonly [source: string, flags: string]
  /** Whether only the innermost elements with this text count. */
  readonly innermost?: boolean
  /** Whether the elements are labels, and their fields are meant. */
  readonly labels?: boolean
}

/** What to do with the elements that a query finds. */
export interface Step {
  readonly query: Query
  readonly action: 'click' | 'fill' | 'hidden' | 'isVisible' | 'text' | 'texts' | 'visible'
  readonly value?: string
}

const ROLES = {
  button: 'button, input[type=submit], [role=button]',
  heading: 'h1, h2, h3, h4, h5, h6, [role=heading]',
  img: 'img, [role=img]',
} as const

/** @param take takes a step in the page as soon as it is possible */
export function queriesBy(take: (step: Step) => Promise<unknown>): Queries {
  function locatorOf(query: Query): Locator {
    const locator: Locator = {
      first: () => locator,
      click: () => take({ query, action: 'click' }) as Promise<void>,
      fill: (value) => take({ query, action: 'fill', value }) as Promise<void>,
      textContent: () => take({ query, action: 'text' }) as Promise<string>,
      allTextContents: () => take({ query, action: 'texts' }) as Promise<string[]>,
      isVisible: () => take({ query, action: 'isVisible' }) as Promise<boolean>,
      waitFor: ({ state } = { state: 'visible' }) => take({ query, action: state }) as Promise<void>,
    }
    return locator
  }
  return {
    locator: (css) => locatorOf({ css }),
    getByRole: (role, { name, exact }) => locatorOf({ css: ROLES[role], text: pattern(name, exact) }),
    getByText: (text) => locatorOf({ css: 'body, body *', text: pattern(text), innermost: true }),
    getByLabel: (text) => locatorOf({ css: 'label', text: pattern(text), labels: true }),
  }
}

function pattern(text: string | RegExp, exact = false): readonly [source: string, flags: string] {
  if (text instanceof RegExp) return [text.source, text.flags]
  const source = text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  return exact ? [`^${source}$`, ''] : [source, 'i']
}

/** Runs in the page. @returns the result in a list; undefined if the step is not possible yet */
export function takeStep({ query, action, value = '' }: Step): [result?: unknown] | undefined {
  const [source, flags] = query.text ?? ['']
  const wanted = new RegExp(source, flags)
  const matches = (element: Element): boolean => {
    const name = element.getAttribute('aria-label') ?? element.textContent ?? ''
    return wanted.test(name.replace(/\s+/g, ' ').trim())
  }
  let found: Element[] = [...document.querySelectorAll(query.css)].filter(
    (element) => matches(element) && !(query.innermost && [...element.children].some(matches)),
  )
  if (query.labels) found = found.flatMap((label) => (label as HTMLLabelElement).control ?? [])
  const shown = found.find((element) => element.checkVisibility({ visibilityProperty: true }))
  switch (action) {
    case 'texts':
      return [found.map(({ textContent }) => textContent)]
    case 'text':
      return found[0] && [found[0].textContent]
    case 'isVisible':
      return [shown !== undefined]
    case 'visible':
      return shown && []
    case 'hidden':
      return shown === undefined ? [] : undefined
  }
  if (shown === undefined || shown.matches(':disabled')) return undefined
  if (action === 'click') {
    shown.setAttribute('data-click', '')
  } else {
    ;(shown as HTMLInputElement).value = value
    shown.dispatchEvent(new Event('input', { bubbles: true }))
  }
  return []
}

/** Runs in the page: clicks what {@link takeStep} has marked. If that sends a form, the page is left without a result. */
export async function clickMarked(): Promise<void> {
  let sent: Event | undefined
  const notice = (event: Event): void => {
    sent = event
  }
  const element = document.querySelector<HTMLElement>('[data-click]')!
  element.removeAttribute('data-click')
  addEventListener('submit', notice)
  element.click()
  removeEventListener('submit', notice)
  if (sent === undefined || sent.defaultPrevented) return
  if ((sent.target as HTMLFormElement).target !== '_blank') await new Promise(() => {})
}
