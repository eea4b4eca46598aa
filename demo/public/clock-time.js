/**
 * The local time of day.
 * @param {number | string} time
 */
export function clockTime(time) {
  return new Date(time).toLocaleTimeString('en-GB')
}
