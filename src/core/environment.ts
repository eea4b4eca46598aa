/** Whether the application says that it serves real users. */
export function isProduction(): boolean {
  // Read here and nowhere else: no other sign of "production" reaches a library.
  // biome-ignore lint/style/noProcessEnv: the field's own convention
  return process.env['NODE_ENV'] === 'production'
}

/** Whether a dev server may load a module again. A test runner says `test`, and may open several applications from one file. */
export function mayReload(): boolean {
  // biome-ignore lint/style/noProcessEnv: the field's own convention
  return !isProduction() && process.env['NODE_ENV'] !== 'test'
}
