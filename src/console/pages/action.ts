import type { Impossible, Plan } from '../actions.ts'
import { html } from '../html.ts'
import type { Page } from '../view.ts'

/**
 * Asks before an action. The form has the parameters in its address, so a POST needs no body.
 * @param isAgain whether a form came that the console has not made lately
 */
export async function confirmPage(plan: Plan, address: string, isAgain: boolean): Promise<Page> {
  const { title, label, isDangerous, back } = plan
  const effects = await plan.effects()
  return {
    title,
    main: html`${isAgain ? html`<p class="notice" role="status">Nothing was changed. The form was older than ten minutes, or not one of this console. Please answer again.</p>` : null}<section class="card question"><h1>${title}</h1><ul class="effects">${effects.map((effect) => html`<li>${effect}</li>`)}</ul>
<form method="post" action="${address}"><button class="button${isDangerous ? ' danger' : ' primary'}">${label}</button><a class="button" href="${back}">Cancel</a></form></section>`,
  }
}

export function impossiblePage({ status, title, text, back }: Impossible): Page {
  return {
    title,
    status,
    main: html`<section class="card question"><h1>${title}</h1><p>${text}</p><p><a class="button" href="${back}">Back</a></p></section>`,
  }
}
