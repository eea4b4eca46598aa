/** Whether the application says that it serves real users. */
export function isProduction(): boolean {
  // Read here and nowhere else: no other sign of "production" reaches a library.
  // biome-ignore lint/style/noProcessEnv: the field's own convention
  return process.env['NODE_ENV'] === 'production'
}
