/** The application's secrets from the environment variable PAWL_SECRET; none if it is not set. */
export function givenSecrets(): string[] {
  return (process.env['PAWL_SECRET'] ?? '')
    .split(',')
    .map((secret) => secret.trim())
    .filter((secret) => secret !== '')
}
