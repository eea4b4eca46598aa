/**
 * The element that has the attribute `data-<name>`.
 * @param {string} name
 * @returns {HTMLElement}
 */
export function find(name) {
  return /** @type {HTMLElement} */ (document.querySelector(`[data-${name}]`))
}

/**
 * Sets text only, so that the name of a user or device never becomes markup.
 * @param {string} tag
 * @param {string} className
 * @param {string} [text]
 */
export function createElement(tag, className, text) {
  const created = document.createElement(tag)
  if (className !== '') created.className = className
  if (text !== undefined) created.textContent = text
  return created
}

/**
 * Announces a change to users of screen readers.
 * @param {string} text
 */
export function announce(text) {
  find('announce').textContent = text
}
