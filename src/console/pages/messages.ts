import { TooSlowError } from '../bounded.ts'
import { type Html, html } from '../html.ts'
import type { Page } from '../view.ts'

function message(status: number, title: string, text: Html): Page {
  return { title, status, main: html`<div><h1>${title}</h1><p class="lead">${text}</p></div>` }
}

export function unknownPage(): Page {
  return message(404, 'No such page', html`The console has no page at this address.`)
}

export function readOnlyPage(): Page {
  return message(403, 'You may only look', html`This console offers no actions to you. Nothing was changed.`)
}

/** @param error what {@link isOutage} accepts */
export function outagePage(error: unknown): Page {
  return message(
    503,
    error instanceof TooSlowError ? 'This page took too long' : 'The database does not answer',
    html`${error instanceof TooSlowError ? `${error.message} ` : null}Sessions go on: access tokens are verified without the database. The overview shows what this process knows. Try this page again in a moment.`,
  )
}
