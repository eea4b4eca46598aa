/** The claims of the demo's access tokens. */
export interface Claims {
  readonly name: string
}
