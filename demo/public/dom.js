/**
 * The element with a `data-` attribute.
 * @param {string} name
 * @returns {HTMLElement}
 */
export function at(name) {
  return /** @type {HTMLElement} */ (document.querySelector(`[data-${name}]`))
}

/**
 * Only ever sets text, so nothing a user or device calls itself becomes markup.
 * @param {string} tag
 * @param {string} className
 * @param {string} [text]
 */
export function element(tag, className, text) {
  const made = document.createElement(tag)
  if (className !== '') made.className = className
  if (text !== undefined) made.textContent = text
  return made
}

/** @param {number} milliseconds */
export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** @param {number | string} when */
export function clockTime(when) {
  return new Date(when).toLocaleTimeString('en-GB')
}

/**
 * Tells those who do not see the page.
 * @param {string} text
 */
export function announce(text) {
  at('announce').textContent = text
}
